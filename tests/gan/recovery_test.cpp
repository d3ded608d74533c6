// Workers whose steps fail, and losses that leave all bounds.
#include <gtest/gtest.h>

#include <limits>
#include <mutex>

#include "gan/loss_guard.h"
#include "gan/trainer.h"
#include "support/expect_error.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

using testing::expect_error;
using testing::PicturesWithABadOne;
using testing::SmallPictures;

StepResult losses(double d, double g) {
  StepResult result;
  result.d_loss = d;
  result.g_loss = g;
  return result;
}

TEST(LossGuard, TellsJumpsFromGrowth) {
  LossGuard guard;
  EXPECT_EQ(guard.judge(losses(1.4, 0.7)), LossHealth::kGood);
  EXPECT_EQ(guard.judge(losses(-900, 900)), LossHealth::kGood);
  EXPECT_EQ(guard.judge(losses(1e6, 1)), LossHealth::kExploding);
  EXPECT_EQ(guard.judge(losses(1, -1e6)), LossHealth::kExploding);
  // Up to the same size in a thousand steps.
  for (int step = 0; step < 1000; ++step) {
    ASSERT_EQ(guard.judge(losses(1000.0 * step, 1)), LossHealth::kGood);
  }
  EXPECT_EQ(guard.judge(losses(std::numeric_limits<double>::quiet_NaN(), 1)),
            LossHealth::kNotFinite);
  EXPECT_EQ(guard.judge(losses(1, std::numeric_limits<double>::infinity())),
            LossHealth::kNotFinite);
}

class Recovery : public ::testing::Test {
 protected:
  static GanOptions gan(double lr = 0.0002) {
    GanOptions options;
    options.model = testing::small_spec();
    options.optimizer.lr = lr;
    return options;
  }
  TrainOptions options(std::int64_t max_failures) {
    TrainOptions options{.epochs = 3, .batch_size = 10, .sync = {.interval = 1}};
    options.max_failures = max_failures;
    options.on_failure = [this](int rank, const std::string& message) {
      const std::lock_guard lock(mutex_);
      failures_.push_back(std::to_string(rank) + " " + message);
    };
    return options;
  }

  std::mutex mutex_;
  std::vector<std::string> failures_;
};

TEST_F(Recovery, AWorkerWhoseStepThrowsGoesOnFromTheLastAverage) {
  DistributedGanTrainer trainer(gan(), {.num_workers = 2});
  const auto result = trainer.train(PicturesWithABadOne(100, 77), options(3));
  EXPECT_EQ(result.history.size(), 3U);
  ASSERT_EQ(failures_.size(), 3U);  // once an epoch
  for (const std::string& failure : failures_) {
    EXPECT_TRUE(failure.starts_with("1 the picture cannot be read at step ")) << failure;
  }
  EXPECT_TRUE(std::ranges::equal(trainer.workers()[0]->state().generator.parameters(),
                                 trainer.workers()[1]->state().generator.parameters()));
}

TEST_F(Recovery, TooManyFailuresEndTheTraining) {
  for (const std::int64_t allowed : {0, 2}) {
    failures_.clear();
    DistributedGanTrainer trainer(gan(), {.num_workers = 2});
    EXPECT_THROW(trainer.train(PicturesWithABadOne(100, 77), options(allowed)), std::runtime_error);
    EXPECT_EQ(failures_.size(), static_cast<std::size_t>(allowed));
  }
}

// Alone, or where gradients are averaged, there is no average to go on from.
TEST_F(Recovery, WithoutAveragesAThrowEndsTheTraining) {
  GanTrainer single(gan(), 1);
  EXPECT_THROW(single.train(PicturesWithABadOne(100, 77), options(3)), std::runtime_error);
  TrainOptions gradients = options(3);
  gradients.sync.unit = SyncUnit::kGradients;
  DistributedGanTrainer trainer(gan(), {.num_workers = 2});
  EXPECT_THROW(trainer.train(PicturesWithABadOne(100, 77), gradients), std::runtime_error);
  EXPECT_TRUE(failures_.empty());
}

TEST_F(Recovery, LossesThatExplodeGoBackToTheLastCheckpointOnce) {
  for (const SyncUnit unit : {SyncUnit::kEpochs, SyncUnit::kSteps, SyncUnit::kGradients}) {
    for (const int workers : {1, 2}) {
      SCOPED_TRACE(workers);
      const testing::TempDir dir;
      failures_.clear();
      int resumed = 0;
      TrainOptions options = this->options(1);
      options.sync.unit = unit;
      options.checkpoints = {.folder = dir.path(), .every = std::chrono::seconds(0)};
      options.checkpoints.told = [&](const CheckpointReport& report) {
        if (report.kind == CheckpointReport::Kind::kResumed) ++resumed;
      };
      DistributedGanTrainer trainer(gan(1e30), {.num_workers = workers});
      expect_error(ErrorKind::kDiverged, "the last good checkpoint is",
                   [&] { trainer.train(SmallPictures(100), options); });
      EXPECT_EQ(resumed, 1);
      const auto back = std::ranges::count_if(failures_, [](const std::string& failure) {
        return failure.find("half as fast") != std::string::npos;
      });
      EXPECT_GE(back, 1);
    }
  }
}

TEST_F(Recovery, TheGuardCanBeTurnedOff) {
  const testing::TempDir dir;
  TrainOptions options = this->options(0);
  options.divergence_guard = false;
  options.checkpoints = {.folder = dir.path(), .every = std::chrono::seconds(0)};
  GanTrainer trainer(gan(1e30), 1);
  expect_error(ErrorKind::kDiverged, "not finite",
               [&] { trainer.train(SmallPictures(100), options); });
  EXPECT_TRUE(failures_.empty());
}

}  // namespace
}  // namespace miniray
