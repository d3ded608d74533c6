// What a program finds in a run's folder when it hands its trainer a collector.
#include "gan/collector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gan/trainer.h"
#include "support/expect_error.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::SmallPictures;

class CollectorTest : public ::testing::Test {
 protected:
  CollectorOptions options(const std::string& job_id = "a") const {
    CollectorOptions options;
    options.runs_dir = dir_.path() / "runs";
    options.job_id = job_id;
    options.record_interval = 0;
    return options;
  }
  std::vector<json> records(const std::string& job_id = "a") const {
    std::ifstream file(dir_.path() / "runs" / job_id / "events.jsonl");
    std::vector<json> records;
    for (std::string line; std::getline(file, line);) records.push_back(json::parse(line));
    return records;
  }
  std::vector<json> of_type(const std::string& type, const std::string& job_id = "a") const {
    std::vector<json> found = records(job_id);
    std::erase_if(found, [&](const json& record) { return record.at("type") != type; });
    return found;
  }

  testing::TempDir dir_;
};

class Steps final : public TrainObserver {
 public:
  void on_step(const StepReport& report) override { reports.push_back(report); }
  void on_epoch(const EpochReport&, const Network<float>&) override {}
  std::vector<StepReport> reports;
};

TEST_F(CollectorTest, ARunOfOnesOwn) {
  Steps steps;
  {
    Collector collector(options());
    GanTrainer trainer(testing::small_options(), 1);
    trainer.train(SmallPictures(60),
                  {.epochs = 2, .batch_size = 20, .gradient_norms = 2, .collector = &collector},
                  {&steps});
    collector.models_saved("here");
  }
  const auto all = records();
  EXPECT_EQ(all.front().at("type"), "run_started");
  EXPECT_EQ(all.front().at("job_id"), "a");
  EXPECT_EQ(all.front().at("images"), 60);
  EXPECT_EQ(all.front().at("config").at("batch_size"), 20);
  EXPECT_EQ(all[all.size() - 2].at("path"), "here");
  EXPECT_EQ(all.back().at("type"), "run_ended");
  EXPECT_EQ(all.back().at("how"), "finished");

  const auto metrics = of_type("metrics");
  ASSERT_EQ(metrics.size(), 6U);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    EXPECT_EQ(metrics[i].at("step"), i + 1);
    EXPECT_EQ(metrics[i].at("epoch"), i / 3 + 1);
    EXPECT_EQ(metrics[i].at("step_in_epoch"), i % 3 + 1);
    EXPECT_NEAR(metrics[i].at("d_loss").get<double>(), steps.reports[i].result.d_loss, 1e-6);
    EXPECT_EQ(metrics[i].contains("d_gradient_norm"), i % 2 == 0) << "a norm every second step";
  }
  const auto workers = of_type("worker");
  ASSERT_EQ(workers.size(), 6U);
  EXPECT_EQ(workers.back().at("shard"), 60);
  EXPECT_EQ(of_type("epoch").size(), 2U);
  const auto samples = of_type("samples");
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_TRUE(fs::exists(dir_.path() / "runs/a" / samples[1].at("path").get<std::string>()));
}

// The rare record stands for the steps since the last one, not for the one that it came with.
TEST_F(CollectorTest, MeansOfTheStepsBetweenRecords) {
  StepMeter meter(std::chrono::seconds(1), StepMeter::Clock::time_point{});
  StepReport report{};
  report.images = 10;
  const auto at = [](int ms) {
    return StepMeter::Clock::time_point(std::chrono::milliseconds(ms));
  };
  report.result.d_loss = 100;
  ASSERT_TRUE(meter.step(report, at(500)));
  report.result.d_loss = 1;
  EXPECT_FALSE(meter.step(report, at(800)));
  report.result.d_loss = 3;
  report.result.d_gradient_norm = 7;
  EXPECT_FALSE(meter.step(report, at(1499)));
  report.result.d_loss = 5;
  report.result.d_gradient_norm.reset();
  const auto means = meter.step(report, at(1500));
  ASSERT_TRUE(means);
  EXPECT_DOUBLE_EQ(means->result.d_loss, 3);
  EXPECT_EQ(means->result.d_gradient_norm, 7);
  EXPECT_DOUBLE_EQ(means->images_per_second, 30);
}

// Killed at any moment before its first record, a run can be begun again by the same name.
TEST_F(CollectorTest, ARunThatDiedBeforeItsFirstRecordBeginsAnew) {
  const fs::path folder = dir_.path() / "runs" / "a";
  fs::create_directories(folder);
  for (const char* const name : {"events.jsonl", "config.toml.17.tmp", "config.toml"}) {
    std::ofstream(folder / name) << (name == std::string("events.jsonl") ? "" : "epochs = 1\n");
    fs::copy(folder, folder.parent_path() / (std::string("b") + name), fs::copy_options::recursive);
    Collector collector(options(std::string("b") + name));
    GanTrainer trainer(testing::small_options(), 1);
    trainer.train(SmallPictures(40), {.epochs = 1, .batch_size = 20, .collector = &collector});
  }
  std::ofstream(folder / "events.jsonl") << "{}\n";
  Collector collector(options());
  GanTrainer trainer(testing::small_options(), 1);
  testing::expect_error(ErrorKind::kInvalidArgument, "exists already", [&] {
    trainer.train(SmallPictures(40), {.epochs = 1, .batch_size = 20, .collector = &collector});
  });
}

TEST_F(CollectorTest, ARunWhoseConfigCouldNotBeWrittenBeginsAnew) {
  const fs::path config = dir_.path() / "runs" / "a" / "config.toml";
  fs::create_directories(config / "in the way");
  for (const bool fails : {true, false}) {
    CollectorOptions options = this->options();
    options.config_text = "epochs = 1\n";
    Collector collector(options);
    GanTrainer trainer(testing::small_options(), 1);
    const auto train = [&] {
      trainer.train(SmallPictures(40), {.epochs = 1, .batch_size = 20, .collector = &collector});
    };
    if (fails) testing::expect_error(ErrorKind::kIo, "config.toml", train);
    fs::remove_all(config);
    if (!fails) train();
  }
  EXPECT_EQ(records().front().at("type"), "run_started");
}

// The file of a training of weeks must not fill a disk.
TEST_F(CollectorTest, AWeekHasFiftyThousandRecordsUnlessEveryStepIsAskedFor) {
  using std::chrono::milliseconds;
  constexpr std::int64_t kWeekMs = 7 * 24 * 3600 * 1000LL;
  const StepMeter::Clock::time_point start{};
  for (const int interval_ms : {1000, 0}) {
    StepMeter meter(milliseconds(interval_ms), start);
    std::int64_t records = 0, of_first_hour = 0;
    for (std::int64_t ms = 250; ms <= kWeekMs; ms += 250) {
      if (meter.step(StepReport{}, start + milliseconds(ms))) ++records;
      if (ms == 3'600'000) of_first_hour = records;
    }
    if (interval_ms == 0) {
      EXPECT_EQ(records, kWeekMs / 250);
    } else {
      EXPECT_NEAR(static_cast<double>(of_first_hour), 3600, 2);
      // Each second up to 10,000, then by 10,000ths: 10,000 (1 + ln 60.48).
      EXPECT_NEAR(static_cast<double>(records), 10'000 * (1 + std::log(60.48)), 2000);
    }
  }
}

TEST_F(CollectorTest, EveryWorkerWritesItsOwnLine) {
  Collector collector(options());
  DistributedGanTrainer trainer(testing::small_options(),
                                {.num_workers = 3, .threads_per_worker = 1});
  trainer.train(SmallPictures(120), {.epochs = 2,
                                     .batch_size = 20,
                                     .sync = {.unit = SyncUnit::kSteps, .interval = 1},
                                     .collector = &collector});
  collector.end();
  std::array<int, 3> lines{};
  for (const auto& record : of_type("worker")) ++lines[record.at("rank").get<std::size_t>()];
  EXPECT_EQ(lines, (std::array{4, 4, 4}));
  EXPECT_EQ(of_type("metrics").size(), 4U);
  EXPECT_EQ(of_type("worker_epoch").size(), 6U);
  // One a step, and the last average.
  const auto syncs = of_type("sync");
  ASSERT_EQ(syncs.size(), 5U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(syncs[i].at("step"), i + 1);
    EXPECT_GT(syncs[i].at("divergence").get<double>(), 0);
  }
  EXPECT_LT(syncs[4].at("divergence").get<double>(), 1e-7)
      << "nothing happened since the last step's";
}

TEST_F(CollectorTest, AMadeUpNameIsReadableAndNew) {
  Collector first(options("")), second(options(""));
  for (Collector* const collector : {&first, &second}) {
    GanTrainer(testing::small_options(), 1)
        .train(SmallPictures(20), {.epochs = 1, .collector = collector});
    EXPECT_FALSE(collector->job_id().empty());
    EXPECT_TRUE(fs::is_directory(collector->folder()));
  }
  EXPECT_NE(first.job_id(), second.job_id());
}

TEST_F(CollectorTest, AnExistingRunIsNotTouched) {
  GanTrainer trainer(testing::small_options(), 1);
  {
    Collector collector(options());
    trainer.train(SmallPictures(20), {.epochs = 1, .collector = &collector});
  }
  const auto before = records().size();
  Collector again(options());
  testing::expect_error(ErrorKind::kInvalidArgument, "exists already", [&] {
    trainer.train(SmallPictures(20), {.epochs = 1, .collector = &again});
  });
  EXPECT_EQ(records().size(), before);
}

TEST_F(CollectorTest, WhatFailedSaysSo) {
  Collector collector(options());
  GanOptions wild = testing::small_options();
  wild.optimizer.lr = 1e30;
  GanTrainer trainer(wild, 1);
  EXPECT_THROW(trainer.train(SmallPictures(60), {.epochs = 9, .collector = &collector}), Error);
  collector.end();
  EXPECT_EQ(records().back().at("how"), "failed");
  EXPECT_NE(records().back().at("message").get<std::string>().find("finite"), std::string::npos);
}

TEST_F(CollectorTest, TwoTrainingsAreOneRun) {
  Collector collector(options());
  GanTrainer trainer(testing::small_options(), 1);
  for (int i = 0; i < 2; ++i) {
    trainer.train(SmallPictures(20), {.epochs = 1, .batch_size = 20, .collector = &collector});
  }
  collector.end();
  EXPECT_EQ(of_type("run_started").size(), 1U);
  const auto epochs = of_type("epoch");
  ASSERT_EQ(epochs.size(), 2U);
  EXPECT_EQ(epochs[1].at("epoch"), 2);
  testing::expect_error(ErrorKind::kInvalidArgument, "has ended", [&] {
    trainer.train(SmallPictures(20), {.epochs = 1, .collector = &collector});
  });
}

TEST_F(CollectorTest, RecordsChangeNoBit) {
  GanTrainer plain(testing::small_options(), 1), recorded(testing::small_options(), 1);
  plain.train(SmallPictures(60), {.epochs = 2, .batch_size = 20});
  Collector collector(options());
  recorded.train(SmallPictures(60),
                 {.epochs = 2, .batch_size = 20, .gradient_norms = 1, .collector = &collector});
  const auto a = plain.state().generator.parameters(), b = recorded.state().generator.parameters();
  EXPECT_TRUE(std::ranges::equal(a, b));
}

TEST_F(CollectorTest, BadOptionsAreNamed) {
  testing::expect_error(ErrorKind::kInvalidArgument, "../x", [&] { Collector(options("../x")); });
  auto slow = options();
  slow.record_interval = std::nan("");
  testing::expect_error(ErrorKind::kInvalidArgument, "3600", [&] { Collector collector(slow); });
}

}  // namespace
}  // namespace miniray
