#include "gan/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gan/config.h"
#include "gan/model_file.h"
#include "gan/sampler.h"
#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

using testing::small_options;
using testing::SmallPictures;

std::vector<float> weights_of(const GanTrainer& trainer) {
  const auto generator = trainer.state().generator.parameters();
  return {generator.begin(), generator.end()};
}

class Counter final : public TrainObserver {
 public:
  void on_step(const StepReport& report) override {
    batches.push_back(report.images);
    if (stop_after == static_cast<std::int64_t>(batches.size())) stop = true;
  }
  void on_epoch(const EpochReport& report, const Network<float>&) override {
    epochs.push_back(report.epoch);
  }

  std::vector<std::int64_t> batches, epochs;
  std::int64_t stop_after = -1;
  std::atomic<bool> stop{false};
};

TEST(GanTrainer, EveryPictureOnceAnEpoch) {
  GanTrainer trainer(small_options(), 1);
  Counter counter;
  const auto result =
      trainer.train(SmallPictures(107), {.epochs = 2, .batch_size = 25}, {&counter});
  EXPECT_EQ(counter.batches, (std::vector<std::int64_t>{25, 25, 25, 25, 7, 25, 25, 25, 25, 7}));
  EXPECT_EQ(counter.epochs, (std::vector<std::int64_t>{1, 2}));
  ASSERT_EQ(result.history.size(), 2U);
  EXPECT_EQ(result.history[1].images, 107);
  EXPECT_EQ(result.history[1].step, 10);
  EXPECT_FALSE(result.stopped);
}

TEST(GanTrainer, ALastBatchOfOnePictureIsLeftOut) {
  GanTrainer trainer(small_options(), 1);
  Counter counter;
  trainer.train(SmallPictures(51), {.epochs = 1, .batch_size = 25}, {&counter});
  EXPECT_EQ(counter.batches, (std::vector<std::int64_t>{25, 25}));
}

TEST(GanTrainer, ABatchLargerThanTheDataSetIsTheWholeSet) {
  GanTrainer trainer(small_options(), 1);
  Counter counter;
  trainer.train(SmallPictures(20), {.epochs = 1, .batch_size = 1000}, {&counter});
  EXPECT_EQ(counter.batches, (std::vector<std::int64_t>{20}));
}

TEST(GanTrainer, TwoCallsEqualOne) {
  GanTrainer once(small_options(), 1), twice(small_options(), 1);
  once.train(SmallPictures(60), {.epochs = 2, .batch_size = 20});
  twice.train(SmallPictures(60), {.epochs = 1, .batch_size = 20});
  const auto second = twice.train(SmallPictures(60), {.epochs = 1, .batch_size = 20});
  EXPECT_EQ(weights_of(once), weights_of(twice));
  EXPECT_EQ(second.history.front().epoch, 2);
}

TEST(GanTrainer, EqualBitsForAnyNumberOfThreads) {
  GanTrainer one(small_options(), 1), three(small_options(), 3);
  for (GanTrainer* trainer : {&one, &three}) {
    trainer->train(SmallPictures(60), {.epochs = 2, .batch_size = 20, .flip = Flip::kRandom});
  }
  EXPECT_EQ(weights_of(one), weights_of(three));
}

// The generator that pictures are made with after each epoch.
class Generators final : public TrainObserver {
 public:
  void on_step(const StepReport&) override {}
  void on_epoch(const EpochReport&, const Network<float>& generator) override {
    parameters.push_back(testing::to_vector(generator.parameters()));
    statistics.push_back(testing::to_vector(generator.statistics()));
  }

  std::vector<std::vector<float>> parameters, statistics;
};

// An epoch is one step here.
Generators generators_of(double ema) {
  GanOptions options = small_options(0.01);
  options.ema = ema;
  GanTrainer trainer(options, 1);
  Generators generators;
  trainer.train(SmallPictures(20), {.epochs = 12, .batch_size = 20}, {&generators});
  EXPECT_EQ(testing::to_vector(trainer.state().sampling_generator().parameters()),
            generators.parameters.back());
  return generators;
}

void expect_averages(const std::vector<std::vector<float>>& values,
                     const std::vector<std::vector<float>>& averages, std::vector<float> start) {
  std::vector<double> expected(start.begin(), start.end());
  for (std::size_t step = 1; step <= values.size(); ++step) {
    const double t = static_cast<double>(step);
    const double decay = std::min(0.5, (1 + t) / (10 + t));  // 0.5 from step 8 on
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = decay * expected[i] + (1 - decay) * values[step - 1][i];
      ASSERT_NEAR(averages[step - 1][i], expected[i], 1e-6) << "step " << step;
    }
  }
}

TEST(GanTrainer, KeepsTheAverageOfTheGeneratorOverSteps) {
  const GanTrainer untrained(small_options(0.01), 1);
  const Generators plain = generators_of(0), averaged = generators_of(0.5);
  const auto& start = untrained.state().generator;
  expect_averages(plain.parameters, averaged.parameters, testing::to_vector(start.parameters()));
  expect_averages(plain.statistics, averaged.statistics, testing::to_vector(start.statistics()));
}

TEST(GanTrainer, SavesTheGeneratorThatPicturesAreMadeWith) {
  const testing::TempDir dir;
  GanOptions options = small_options(0.01);
  options.ema = 0.9;
  GanTrainer trainer(options, 1);
  trainer.train(SmallPictures(60), {.epochs = 2, .batch_size = 20});
  trainer.save_models(dir.path());
  const auto saved = load_generator(dir.path() / "generator.safetensors");
  const auto weights = testing::to_vector(saved.network.parameters());
  EXPECT_EQ(weights, testing::to_vector(trainer.state().generator_average->parameters()));
  EXPECT_NE(weights, testing::to_vector(trainer.state().generator.parameters()));
}

TEST(GanTrainer, AStepTakesSeveralBatchesWhereTheyAreAccumulated) {
  GanTrainer trainer(small_options(), 1);
  Counter counter;
  trainer.train(SmallPictures(107), {.epochs = 1, .batch_size = 10, .accumulate = 4}, {&counter});
  EXPECT_EQ(counter.batches, (std::vector<std::int64_t>{40, 40, 27}));
}

TEST(GanTrainer, StopsAfterTheStepInHand) {
  GanTrainer trainer(small_options(), 1);
  Counter counter;
  counter.stop_after = 7;
  const auto result =
      trainer.train(SmallPictures(100), {.epochs = 9, .batch_size = 20}, {&counter}, &counter.stop);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(counter.batches.size(), 7U);
  EXPECT_EQ(result.history.size(), 1U);
}

TEST(GanTrainer, LearnsToPassItsDiscriminator) {
  GanTrainer trainer(small_options(0.002), 1);
  const auto result = trainer.train(SmallPictures(512), {.epochs = 40, .batch_size = 64});
  // Untrained fakes are told from the pictures at once; in the end D is right about as often on
  // both: far from certain.
  const StepResult& last = result.history.back().mean;
  EXPECT_GT(last.d_fake, 0.2);
  EXPECT_LT(last.d_real, 0.8);
  EXPECT_TRUE(std::isfinite(last.d_loss) && std::isfinite(last.g_loss));
}

TEST(GanTrainer, RefusesWhatDoesNotFit) {
  const auto train = [](const Dataset& dataset, const TrainOptions& options) {
    GanTrainer trainer(small_options(), 1);
    trainer.train(dataset, options);
  };
  const auto kind = ErrorKind::kInvalidArgument;
  testing::expect_error(kind, "at least 2", [&] { train(SmallPictures(9), {1, 1}); });
  testing::expect_error(kind, "too few pictures", [&] { train(SmallPictures(1), {1, 8}); });
  testing::expect_error(kind, "below 0", [&] { train(SmallPictures(9), {-1, 8}); });
  testing::expect_error(kind, "at least 1 batch",
                        [&] { train(SmallPictures(9), {.batch_size = 8, .accumulate = 0}); });
  testing::expect_error(kind, "at least 1 step",
                        [&] { train(SmallPictures(9), {.batch_size = 8, .d_steps = 0}); });
  testing::expect_error(kind, "decay of an average", [] {
    GanOptions options = small_options();
    options.ema = 1;
    GanTrainer trainer(options, 1);
  });
  testing::expect_error(kind, "3x4x4", [] { GanTrainer().train(SmallPictures(9), {1, 8}); });
  testing::expect_error(kind, "latent", [] { GanTrainer trainer(0); });
}

TEST(GanTrainer, SaysSoWhenTheLossIsNoLongerFinite) {
  GanTrainer trainer(small_options(1e30), 1);
  testing::expect_error(ErrorKind::kDiverged, "not finite", [&] {
    trainer.train(SmallPictures(100), {.epochs = 5, .batch_size = 10});
  });
}

double mean_of(const Images& images) {
  double sum = 0;
  for (const std::uint8_t pixel : images.pixels) sum += pixel;
  return sum / static_cast<double>(images.pixels.size());
}

// The data set's bright pictures are 150 brighter than its dark ones.
TEST(GanTrainer, AConditionalGanLearnsWhichClassIsWhich) {
  GanOptions options = small_options(0.002);
  options.model.classes = {"dark", "bright"};
  GanTrainer trainer(options, 1);
  trainer.train(SmallPictures(200), {.epochs = 25, .batch_size = 20});
  const ThreadBudget threads(1);
  Sampler sampler(threads, trainer.state().generator, options.model);
  const double dark = mean_of(sampler.generate(1, 0, 100, [](auto) { return 0; }));
  const double bright = mean_of(sampler.generate(1, 0, 100, [](auto) { return 1; }));
  EXPECT_GT(bright, dark + 75) << dark;
}

TEST(GanTrainer, RefusesClassesThatAreNotTheDataSets) {
  GanOptions options = small_options();
  options.model.classes = {"bright", "dark"};
  GanTrainer trainer(options, 1);
  testing::expect_error(ErrorKind::kInvalidArgument, "classes",
                        [&] { trainer.train(SmallPictures(20), {.epochs = 1}); });
}

class OneClass final : public Dataset {
 public:
  std::string name() const override { return "one"; }
  std::int64_t size() const override { return 10; }
  Shape sample_shape() const override { return {3, 4, 4}; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int label(std::int64_t) const override { return 0; }
  void copy_sample(std::int64_t, std::span<std::uint8_t>) const override {}

 private:
  std::vector<std::string> names_{"faces"};
};

TEST(Config, ConditionalNeedsClasses) {
  TrainConfig config;
  EXPECT_FALSE(gan_spec(config, OneClass()).conditional());
  config.conditional = true;
  testing::expect_error(ErrorKind::kInvalidArgument, "at least 2 classes; one has 1",
                        [&] { gan_spec(config, OneClass()); });
  EXPECT_EQ(gan_spec(config, SmallPictures(20)).classes,
            (std::vector<std::string>{"dark", "bright"}));
}

}  // namespace
}  // namespace miniray
