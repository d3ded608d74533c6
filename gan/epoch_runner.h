// One epoch of one replica: its steps, and the averages and meetings of ranks between them.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "gan/rank_status.h"
#include "gan/replica.h"

namespace miniray {

enum class EpochEnd { kDone, kStopped, kRolledBack };

class EpochRunner {
 public:
  // The epoch is the report's. All must outlive this.
  EpochRunner(Replica& replica, const Dataset& dataset, const TrainOptions& options,
              const Observers& observers, const std::atomic<bool>* stop, ParameterSync& sync,
              Checkpointer& checkpoints, StepBuffers& buffers, EpochReport& report);

  // A collective. Goes on with the epoch where the replica stands in it. Throws as Replica::train.
  EpochEnd run();

 private:
  EpochBatches make_batches() const;
  // Where the replica comes from a world with another number of steps an epoch: as far through this
  // epoch as it was.
  void keep_place();

  bool diverged() const { return !divergence_.empty(); }
  bool averages_parameters() const {
    return options_.sync.unit != SyncUnit::kGradients && communicator().world_size() > 1;
  }
  bool may_go_back() const { return options_.divergence_guard && replica_.roll_backs_ == 0; }
  bool may_take_average() const {
    return averages_parameters() && replica_.failures_ < options_.max_failures;
  }
  bool may_recover() const {
    return may_take_average() || (may_go_back() && checkpoints_.has_one());
  }
  bool asked_to_stop() const { return stop_ != nullptr && stop_->load(); }
  bool meets_in_next_step() const {
    return options_.sync.unit == SyncUnit::kGradients || sync_.due_after_step(replica_.step_ + 1);
  }

  // A rank leaves its steps only to exchange its status with all others, who come to the same place
  // in time: so none is left waiting. What they want to do together, they do here.
  std::vector<RankStatus> meet(bool at_end);
  // Throws where that cannot be, on the ranks whose losses it is about; others hear of it.
  void go_back();

  void step(const Batch& batch);
  // Empty where the step failed: then the replica has taken up the last average, or has diverged.
  std::optional<StepResult> attempt(const Batch& batch, const StepKey& key, std::int64_t number);
  StepResult train(const Batch& batch, const StepKey& key, std::int64_t number);
  // While the step's exception is handled: throws it with where training could go on from. What
  // another rank brought down, that one names.
  [[noreturn]] void give_up(const std::exception& error, std::int64_t step) const;
  // The replica goes on from the last average where it may, otherwise it has diverged.
  void fail(const std::string& what, std::int64_t step);

  std::int64_t step_size() const { return options_.batch_size * options_.accumulate; }
  StepOptions step_options(std::int64_t step) const;
  // By epochs, those of earlier trainings included.
  void scale_learning_rates(std::int64_t step, std::int64_t number);

  void tell(const std::string& message) const;
  void finish(const std::vector<RankStatus>& all);

  Communicator& communicator() const { return replica_.communicator_; }

  Replica& replica_;
  const Dataset& dataset_;
  const TrainOptions& options_;
  const Observers& observers_;
  const std::atomic<bool>* stop_;
  ParameterSync& sync_;
  Checkpointer& checkpoints_;
  StepBuffers& buffers_;
  EpochReport& report_;
  const EpochBatches batches_;
  GradientHook hook_;
  std::string divergence_;  // why this replica cannot go on
};

}  // namespace miniray
