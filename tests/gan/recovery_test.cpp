// Workers whose steps fail, and losses that leave all bounds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>

#include "engine/file.h"
#include "gan/collector.h"
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

// Ruins the generator once, when epoch 1 has ended: its weights are not a number.
class Ruin final : public TrainObserver {
 public:
  void on_step(const StepReport&) override {}
  void on_epoch(const EpochReport& report, const Network<float>& generator) override {
    if (report.epoch != 1 || std::exchange(done_, true)) return;
    for (const float& weight : generator.parameters()) {
      const_cast<float&>(weight) = std::numeric_limits<float>::quiet_NaN();
    }
  }

 private:
  bool done_ = false;
};

TEST_F(Recovery, AWorkerWhoseLossIsNotFiniteGoesOnFromTheLastAverage) {
  DistributedGanTrainer trainer(gan(), {.num_workers = 2});
  Ruin ruin;
  const auto result = trainer.train(SmallPictures(100), options(3), {&ruin});
  EXPECT_EQ(result.history.size(), 3U);
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_TRUE(failures_[0].starts_with("0 the loss is not finite any more at step 6"))
      << failures_[0];
  for (const Replica* worker : trainer.workers()) {
    EXPECT_TRUE(std::ranges::all_of(worker->state().generator.parameters(),
                                    [](float weight) { return std::isfinite(weight); }));
  }
}

TEST_F(Recovery, TooManyFailuresNameTheLastGoodCheckpoint) {
  for (const int workers : {1, 2}) {
    const testing::TempDir dir;
    TrainOptions options = this->options(2);
    options.checkpoints = {.folder = dir.path(), .every_epochs = 1};
    DistributedGanTrainer trainer(gan(), {.num_workers = workers});
    // Alone it fails in the first epoch, when there is none.
    const std::string last = workers == 1 ? "" : "; the last good checkpoint is '";
    try {
      trainer.train(PicturesWithABadOne(100, 77), options);
      ADD_FAILURE() << "it went on";
    } catch (const std::runtime_error& error) {
      const std::string message = error.what();
      EXPECT_TRUE(message.starts_with("the picture cannot be read at step ")) << message;
      EXPECT_EQ(message.find("checkpoint") == std::string::npos, last.empty()) << message;
      EXPECT_NE(message.find(last), std::string::npos) << message;
    }
  }
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

// What the guard does is what a user could do by hand.
TEST_F(Recovery, AfterADivergenceTrainingIsThatOfTheLastCheckpointWithHalfTheLearningRate) {
  const testing::TempDir dir;
  const auto train = [&](double lr, std::int64_t epochs, const std::string& folder, bool resume,
                         const Observers& observers) {
    TrainOptions options = this->options(0);
    options.epochs = epochs;
    options.checkpoints = {.folder = dir.path() / folder, .every_epochs = 1, .resume = resume};
    GanTrainer trainer(gan(lr), 1);
    EXPECT_EQ(trainer.train(SmallPictures(100), options, observers).history.back().epoch, epochs);
    const auto weights = trainer.state().generator.parameters();
    return std::vector<float>(weights.begin(), weights.end());
  };
  Ruin ruin;
  const auto guarded = train(0.001, 3, "guarded", false, {&ruin});
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_NE(failures_[0].find("learn half as fast"), std::string::npos);
  train(0.001, 1, "by-hand", false, {});
  EXPECT_EQ(guarded, train(0.0005, 3, "by-hand", true, {}));
}

TEST_F(Recovery, WhatWasSurvivedStandsInTheRecords) {
  const testing::TempDir dir;
  for (const int workers : {1, 2}) {
    CollectorOptions records;
    records.runs_dir = dir.path();
    records.job_id = std::to_string(workers);
    Collector collector(records);
    TrainOptions options = this->options(1);
    options.collector = &collector;
    options.checkpoints.every_epochs = 1;
    Ruin ruin;
    DistributedGanTrainer trainer(gan(), {.num_workers = workers});
    trainer.train(SmallPictures(100), options, {&ruin});
    const std::string events = read_file(collector.folder() / "events.jsonl", 1 << 20);
    const std::string expected = workers == 1 ? "half as fast" : "goes on from the last average";
    EXPECT_NE(events.find("worker 0: the loss is not finite any more at step"), std::string::npos);
    EXPECT_NE(events.find(expected), std::string::npos);
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
