// Evaluation while training: when, of what, and which generator is kept.
#include "gan/epoch_evaluator.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/file.h"
#include "gan/collector.h"
#include "gan/data/shapes.h"
#include "gan/evaluation_run.h"
#include "gan/trainer.h"
#include "support/expect_error.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

class Evaluator : public ::testing::Test {
 protected:
  static GanSpec spec() {
    GanSpec spec = testing::small_spec();
    spec.image_shape = {3, 32, 32};
    return spec;
  }
  static Network<float> generator(std::uint64_t seed) {
    Network<float> network(make_generator_plan(spec()));
    network.init(seed, kGeneratorStream);
    return network;
  }
  EvaluationOptions options() const {
    return {.images = 200,
            .cache_dir = dir_.path() / "statistics",
            .best_dir = dir_.path() / "best",
            .threads = 2};
  }
  std::unique_ptr<EpochEvaluator> evaluator(const EvaluationOptions& options) {
    return std::make_unique<EpochEvaluator>(
        options, spec(), pictures_,
        [this](const EvaluationReport& report) { reports_.push_back(report); },
        [](const std::string& warning) { ADD_FAILURE() << warning; });
  }
  // Epochs 1, 2 .. with untrained generators of these seeds.
  void run(const std::vector<std::uint64_t>& seeds, const EvaluationOptions& options) {
    const auto observer = evaluator(options);
    EpochReport report;
    for (const std::uint64_t seed : seeds) {
      report.step = 10 * ++report.epoch;
      observer->on_epoch(report, generator(seed));
    }
  }
  double fid(std::size_t report) const { return reports_[report].metrics.front().value; }

  const testing::TempDir dir_;
  const Shapes pictures_{300};
  std::vector<EvaluationReport> reports_;
};

TEST_F(Evaluator, LooksAtEveryNthEpoch) {
  EvaluationOptions every_second = options();
  every_second.every = 2;
  run({1, 2, 3, 4, 5}, every_second);
  ASSERT_EQ(reports_.size(), 2U);
  EXPECT_EQ(reports_[0].epoch, 2);
  EXPECT_EQ(reports_[1].epoch, 4);
  EXPECT_EQ(reports_[1].step, 40);
  ASSERT_EQ(reports_[0].metrics.size(), 2U);
  EXPECT_EQ(reports_[0].metrics[0].name, "fid-builtin");
  EXPECT_EQ(reports_[0].metrics[1].name, "kid-builtin");
}

TEST_F(Evaluator, KeepsTheBestAlsoBeyondAResume) {
  run({1, 2, 3, 4}, options());
  ASSERT_EQ(reports_.size(), 4U);
  std::size_t best = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    if (fid(i) < fid(best)) best = i;
    EXPECT_EQ(reports_[i].best, best == i);
  }
  const auto saved = load_generator(dir_.path() / "best" / "generator.safetensors");
  EXPECT_TRUE(std::ranges::equal(saved.network.parameters(), generator(best + 1).parameters()));
  const auto record =
      nlohmann::json::parse(read_file(dir_.path() / "best" / "evaluation.json", 10'000));
  EXPECT_EQ(record.at("epoch"), best + 1);
  EXPECT_EQ(record.at("fid-builtin"), fid(best));

  EvaluationOptions resumed = options();
  resumed.resume = true;
  run({best + 1}, resumed);  // as good, no better
  EXPECT_FALSE(reports_.back().best);
  EXPECT_EQ(fid(4), fid(best));
  run({best == 0 ? 2UL : 1UL}, options());  // a run of its own
  EXPECT_TRUE(reports_.back().best);
}

TEST_F(Evaluator, SaysWhatGanEvaluateSays) {
  run({1}, options());
  const auto alone = make_single_communicator();
  StatisticsRun run(open_features("builtin"), {2, 1}, *alone, {});
  const auto model = std::make_shared<const LoadedGenerator>(
      load_generator(dir_.path() / "best" / "generator.safetensors"));
  const auto values = compare(run.threads(), parse_metrics("fid,kid"), run.network(),
                              run.of_source(pictures_of(pictures_)),
                              run.of_source(generated_pictures(model, options().seed, 200)));
  EXPECT_EQ(values[0].value, fid(0));
  EXPECT_EQ(values[1].value, reports_[0].metrics[1].value);
}

TEST_F(Evaluator, WritesRecordsInATraining) {
  CollectorOptions collected;
  collected.runs_dir = dir_.path() / "runs";
  collected.job_id = "a";
  collected.sample_every = 0;
  Collector collector(collected);
  EpochEvaluator evaluator(
      options(), spec(), pictures_,
      [&](const EvaluationReport& report) { collector.evaluated(report); },
      [](const std::string&) {});
  GanOptions gan;
  gan.model = spec();
  GanTrainer trainer(gan, 2);
  trainer.train(pictures_, {.epochs = 2, .batch_size = 100, .collector = &collector}, {&evaluator});
  collector.end();
  std::istringstream lines(read_file(dir_.path() / "runs" / "a" / "events.jsonl", 1 << 20));
  std::vector<nlohmann::json> found;
  for (std::string line; std::getline(lines, line);) {
    auto record = nlohmann::json::parse(line);
    if (record.at("type") == "evaluation") found.push_back(std::move(record));
  }
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].at("epoch"), 2);
  EXPECT_EQ(found[1].at("step"), 6);
  EXPECT_GT(found[1].at("fid-builtin"), 0);
}

TEST_F(Evaluator, RefusesWhatCannotBeMeasuredBeforeTheFirstStep) {
  EvaluationOptions few = options();
  few.images = 144;
  testing::expect_error(ErrorKind::kInvalidArgument, "--eval-images has 144",
                        [&] { evaluator(few); });
  const testing::SmallPictures small(300);
  testing::expect_error(ErrorKind::kInvalidArgument, "take pictures of 3x32x32, not 3x4x4",
                        [&] { EpochEvaluator(options(), testing::small_spec(), small, {}, {}); });
}

}  // namespace
}  // namespace miniray
