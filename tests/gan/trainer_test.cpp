#include "gan/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/expect_error.h"
#include "support/small_gan.h"

namespace miniray {
namespace {

using testing::SmallPictures;

GanOptions small_options(double lr = 0.0002) {
  GanOptions options;
  options.model = testing::small_spec();
  options.optimizer.lr = lr;
  return options;
}

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
  testing::expect_error(kind, "3x4x4", [] { GanTrainer().train(SmallPictures(9), {1, 8}); });
  testing::expect_error(kind, "latent", [] { GanTrainer trainer(0); });
}

TEST(GanTrainer, SaysSoWhenTheLossIsNoLongerFinite) {
  GanTrainer trainer(small_options(1e30), 1);
  testing::expect_error(ErrorKind::kDiverged, "not finite", [&] {
    trainer.train(SmallPictures(100), {.epochs = 5, .batch_size = 10});
  });
}

}  // namespace
}  // namespace miniray
