// Checkpoints that another number of workers takes up.
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>
#include <numeric>

#include "engine/file.h"
#include "gan/state_average.h"
#include "gan/state_file.h"
#include "gan/trainer.h"
#include "support/random_values.h"
#include "support/run_ranks.h"
#include "support/small_gan.h"
#include "support/stop_after.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::run_ranks_without_failure;
using testing::SmallPictures;

const std::string kName = "checkpoint_00001";

struct State {
  std::vector<float> weights = std::vector<float>(7), anchor = std::vector<float>(3);
  std::int64_t steps = 0, failures = 0;
  double loss = 0;

  static State random(std::uint64_t seed) {
    return {testing::random_values<float>(7, seed), testing::random_values<float>(3, seed + 100),
            static_cast<std::int64_t>(seed * 37 % 50), static_cast<std::int64_t>(seed % 2),
            std::sin(static_cast<double>(seed))};
  }
  // anchored: with an array that some worlds have.
  StateFields fields(bool anchored) {
    StateFields fields;
    fields.add("weights", weights);
    if (anchored) fields.add("anchor", anchor, std::span(weights).first(3));
    fields.add("steps", steps);
    fields.add("failures", failures);
    fields.add("loss", loss);
    return fields;
  }
  bool operator==(const State&) const = default;
};

// A checkpoint of so many ranks, seeds 1, 2 ..
class SavedStates {
 public:
  explicit SavedStates(int ranks, bool anchored = true) {
    folder().make(kName);
    for (int rank = 0; rank < ranks; ++rank) {
      states.push_back(State::random(static_cast<std::uint64_t>(rank) + 1));
      manifest.digests.push_back(
          write_state(folder().rank_file(kName, rank), states.back().fields(anchored)));
    }
  }

  CheckpointFolder folder() const { return CheckpointFolder(dir_.path()); }

  // What each of so many ranks takes up; its last word is put into `failures`.
  std::vector<State> taken_by(int ranks, std::vector<std::string>& failures, bool anchored = true) {
    std::vector<State> taken(static_cast<std::size_t>(ranks), State::random(99));
    failures.resize(static_cast<std::size_t>(ranks));
    run_ranks_without_failure(ranks, [&](Communicator& communicator) {
      const auto rank = static_cast<std::size_t>(communicator.rank());
      failures[rank] =
          take_average(communicator, folder(), kName, manifest, taken[rank].fields(anchored));
    });
    return taken;
  }
  std::vector<State> taken_by(int ranks, bool anchored = true) {
    std::vector<std::string> failures;
    auto taken = taken_by(ranks, failures, anchored);
    for (const std::string& failure : failures) EXPECT_EQ(failure, "");
    return taken;
  }

  std::vector<State> states;
  Manifest manifest;

 private:
  const testing::TempDir dir_;
};

// By any projection of a state to a number.
template <class Value>
double mean_over(const std::vector<State>& states, Value value) {
  double sum = 0;
  for (const State& state : states) sum += static_cast<double>(value(state));
  return sum / static_cast<double>(states.size());
}

TEST(StateAverage, IsTheMeanOverTheOldRanksOnEveryNewOne) {
  for (int before = 1; before <= 5; ++before) {
    SavedStates saved(before);
    for (int now = 1; now <= 4; ++now) {
      SCOPED_TRACE(std::to_string(before) + " to " + std::to_string(now));
      const auto taken = saved.taken_by(now);
      const State& first = taken.front();
      for (const State& state : taken) EXPECT_TRUE(state == first);
      for (std::size_t i = 0; i < first.weights.size(); ++i) {
        EXPECT_NEAR(first.weights[i],
                    mean_over(saved.states, [&](const State& s) { return s.weights[i]; }), 1e-6);
      }
      for (std::size_t i = 0; i < first.anchor.size(); ++i) {
        EXPECT_NEAR(first.anchor[i],
                    mean_over(saved.states, [&](const State& s) { return s.anchor[i]; }), 1e-6);
      }
      EXPECT_EQ(static_cast<double>(first.steps),
                std::floor(mean_over(saved.states, [](const State& s) { return s.steps; })));
      EXPECT_EQ(static_cast<double>(first.failures),
                std::floor(mean_over(saved.states, [](const State& s) { return s.failures; })));
      EXPECT_NEAR(first.loss, mean_over(saved.states, [](const State& s) { return s.loss; }),
                  1e-15);
    }
  }
}

TEST(StateAverage, WhatOldRanksDidNotHaveBeginsAsDeclaredAndWhatNewOnesHaveNotIsLeft) {
  SavedStates without(2, false), with(2, true);
  for (const State& state : without.taken_by(3)) {
    EXPECT_TRUE(std::ranges::equal(state.anchor, std::span(state.weights).first(3)));
  }
  for (const State& state : with.taken_by(3, false)) {
    EXPECT_EQ(state.anchor, State::random(99).anchor);
  }
}

TEST(StateAverage, WhereAPartIsDamagedOrMissingOrOfAnotherKindNothingIsDone) {
  const auto expect_refused = [](SavedStates& saved, const std::string& part) {
    for (const int ranks : {1, 2, 4}) {
      std::vector<std::string> failures;
      for (const State& state : saved.taken_by(ranks, failures)) {
        EXPECT_TRUE(state == State::random(99));
      }
      for (const std::string& failure : failures) {
        EXPECT_NE(failure.find(part), std::string::npos) << failure;
      }
    }
  };
  SavedStates cut(3), missing(3), swapped(3), other(3);
  fs::resize_file(cut.folder().rank_file(kName, 2), 300);
  expect_refused(cut, "rank_0002");
  fs::remove(missing.folder().rank_file(kName, 1));
  expect_refused(missing, "no worker sees");
  std::swap(swapped.manifest.digests[0], swapped.manifest.digests[1]);
  expect_refused(swapped, "is not the file that the manifest names");
  StateFields fields;
  fields.add("weights", other.states[0].weights);
  other.manifest.digests[0] = write_state(other.folder().rank_file(kName, 0), fields);
  expect_refused(other, "rank_0000");
}

// Each machine has the parts of its own workers.
TEST(StateAverage, PartsMayLieInSeveralFolders) {
  SavedStates saved(4), elsewhere(4);
  const State expected = saved.taken_by(1).front();
  for (const int part : {0, 1}) fs::remove(elsewhere.folder().rank_file(kName, part));
  for (const int part : {2, 3}) fs::remove(saved.folder().rank_file(kName, part));
  run_ranks_without_failure(2, [&](Communicator& communicator) {
    const auto folder = (communicator.rank() == 0 ? saved : elsewhere).folder();
    State state;
    EXPECT_EQ(take_average(communicator, folder, kName, saved.manifest, state.fields(true)), "");
    EXPECT_EQ(state.steps, expected.steps);
    for (std::size_t i = 0; i < state.weights.size(); ++i) {
      EXPECT_NEAR(state.weights[i], expected.weights[i], 1e-6);
    }
  });
}

struct Policy {
  const char* name;
  SyncPolicy sync;
};

const Policy kPolicies[] = {
    {"epochs", {.interval = 2}},
    {"steps", {.unit = SyncUnit::kSteps, .interval = 3}},
    {"steps, bfloat16", {.unit = SyncUnit::kSteps, .interval = 2, .payload = Payload::kBfloat16}},
    {"gradients", {.unit = SyncUnit::kGradients}},
    {"nesterov", {.unit = SyncUnit::kSteps, .interval = 3, .outer = OuterStep::kNesterov}},
    {"elastic", {.unit = SyncUnit::kSteps, .interval = 2, .outer = OuterStep::kElastic}},
};

constexpr std::pair<int, int> kWorlds[] = {{1, 2}, {2, 1}, {4, 2}, {2, 3}};

std::vector<float> weights_of(const DistributedGanTrainer& trainer) {
  std::vector<float> weights;
  const GanState& state = trainer.state();
  for (const auto span : {state.generator.parameters(), state.discriminator.parameters(),
                          state.generator_average->parameters()}) {
    weights.insert(weights.end(), span.begin(), span.end());
  }
  return weights;
}

// Remembers the first step that it is told of, and all epochs' means.
class FirstStep final : public TrainObserver {
 public:
  void on_step(const StepReport& report) override {
    if (!first) first = report;
  }
  void on_epoch(const EpochReport& report, const Network<float>&) override {
    epochs.push_back(report);
  }
  std::optional<StepReport> first;
  std::vector<EpochReport> epochs;
};

class Elastic : public ::testing::Test {
 protected:
  static constexpr std::int64_t kPictures = 203, kBatch = 10;

  Elastic() {
    gan_.model = testing::small_spec();
    gan_.ema = 0.9;
    options_ = {.epochs = 3, .batch_size = kBatch};
    options_.checkpoints = {.folder = dir_.path() / "checkpoints",
                            .every_epochs = 1,
                            .resume = true,
                            .told = [this](const auto& report) { told_.push_back(report); }};
  }

  // Counted as the trainers cut batches: the smallest shard's, of which a last one has at least 2.
  static std::int64_t steps_an_epoch(int workers) {
    const std::int64_t shard = kPictures / workers;
    return shard / kBatch + (shard % kBatch >= 2 ? 1 : 0);
  }

  // Goes on with the run until it is stopped or ends; the weights that it ends with.
  std::vector<float> train(int workers, int stop_after = -1, TrainObserver* observer = nullptr) {
    testing::StopAfter stop(stop_after);
    Observers observers{&stop};
    if (observer != nullptr) observers.push_back(observer);
    DistributedGanTrainer trainer(gan_, {.num_workers = workers});
    trainer.train(pictures_, options_, observers, &stop.stop);
    return weights_of(trainer);
  }

  // As the newest checkpoint has them, rounded down.
  std::int64_t mean_steps_in_epoch(int workers) const {
    const CheckpointFolder folder(options_.checkpoints.folder);
    std::int64_t sum = 0;
    for (int rank = 0; rank < workers; ++rank) {
      const auto path = folder.rank_file(folder.names().front(), rank);
      sum += std::stoll(SafetensorsFile::read(path).metadata("steps_in_epoch"));
    }
    return sum / workers;
  }

  void begin_anew(const SyncPolicy& sync) {
    options_.sync = sync;
    fs::remove_all(options_.checkpoints.folder);
    told_.clear();
  }

  const testing::TempDir dir_;
  const SmallPictures pictures_{kPictures};
  GanOptions gan_;
  TrainOptions options_;
  std::vector<CheckpointReport> told_;
};

TEST_F(Elastic, AnotherNumberOfWorkersFinishesTheRun) {
  for (const Policy& policy : kPolicies) {
    for (const auto& [before, now] : kWorlds) {
      SCOPED_TRACE(std::string(policy.name) + ", workers: " + std::to_string(before) + " to " +
                   std::to_string(now));
      begin_anew(policy.sync);
      const auto all = steps_an_epoch(before);
      train(before, static_cast<int>(all + all / 2));
      const std::int64_t done = mean_steps_in_epoch(before);
      told_.clear();
      FirstStep seen;
      const auto weights = train(now, -1, &seen);
      ASSERT_FALSE(told_.empty());
      EXPECT_EQ(told_.front().kind, CheckpointReport::Kind::kResumed);
      EXPECT_TRUE(told_.front().message.starts_with("the checkpoint is of " +
                                                    std::to_string(before) + " worker"));
      EXPECT_EQ(seen.first->epoch, 2);
      EXPECT_EQ(seen.first->steps_in_epoch, steps_an_epoch(now));
      // As far through the epoch as the old ones were, on average.
      EXPECT_EQ(seen.first->step - 1, done * steps_an_epoch(now) / all);
      ASSERT_EQ(seen.epochs.size(), 2U);
      EXPECT_EQ(seen.epochs.back().epoch, 3);
      EXPECT_EQ(seen.epochs.back().workers.size(), static_cast<std::size_t>(now));
      // A mean over the epoch's steps, those before among them: a loss that such a GAN has.
      EXPECT_NEAR(seen.epochs.front().mean.d_loss, 1.39, 0.3);
      EXPECT_TRUE(std::ranges::all_of(weights, [](float w) { return std::isfinite(w); }));
    }
  }
}

// The same number of workers goes on exactly, whatever number the run had before.
TEST_F(Elastic, TheNewWorldResumesExactly) {
  for (const Policy& policy : kPolicies) {
    SCOPED_TRACE(policy.name);
    std::vector<float> whole;
    for (const int pause : {-1, 4}) {
      begin_anew(policy.sync);
      options_.epochs = 1;
      train(4);
      options_.epochs = 3;
      if (pause > 0) train(2, pause);
      const auto weights = train(2);
      if (pause < 0) whole = weights;
      EXPECT_TRUE(weights == whole);
    }
  }
}

// Where no step is left, what others make of the last checkpoint is the average that the run itself
// ended with.
TEST_F(Elastic, AFinishedRunTakenUpByOthersIsItsAverage) {
  for (const Policy& policy : kPolicies) {
    if (policy.sync.outer != OuterStep::kMean) continue;
    for (const auto& [before, now] : kWorlds) {
      SCOPED_TRACE(std::string(policy.name) + ", workers: " + std::to_string(before) + " to " +
                   std::to_string(now));
      begin_anew(policy.sync);
      const auto ended = train(before);
      FirstStep seen;
      const auto taken = train(now, -1, &seen);
      EXPECT_FALSE(seen.first);
      // As bfloat16 the change since the last average is rounded to 8 bits.
      const double tolerance = policy.sync.payload == Payload::kBfloat16 ? 1e-4 : 1e-6;
      for (std::size_t i = 0; i < ended.size(); ++i) ASSERT_NEAR(taken[i], ended[i], tolerance);
    }
  }
}

// A worker that fails may need an average before the new world has made one.
TEST_F(Elastic, AWorkerThatFailsAtOnceTakesUpWhatItBeganWith) {
  std::mutex mutex;
  std::vector<std::string> failures;
  options_.on_failure = [&](int, const std::string& message) {
    const std::lock_guard lock(mutex);
    failures.push_back(message);
  };
  begin_anew({.interval = 10});
  options_.epochs = 1;
  train(1);
  options_.epochs = 2;
  DistributedGanTrainer trainer(gan_, {.num_workers = 2});
  trainer.train(testing::PicturesWithABadOne(kPictures, 150), options_);
  EXPECT_EQ(failures.size(), 1U);
  const auto weights = weights_of(trainer);
  EXPECT_TRUE(std::ranges::all_of(weights, [](float w) { return std::isfinite(w); }));
}

}  // namespace
}  // namespace miniray
