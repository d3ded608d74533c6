// One replica of the GAN and its training loop: epochs and batches around train_step, averaged with
// the other replicas of its world. A world of one is plain training.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/parallel.h"
#include "gan/checkpointer.h"
#include "gan/data/batch.h"
#include "gan/data/epoch_batches.h"
#include "gan/loss_guard.h"
#include "gan/schedule.h"
#include "gan/train_step.h"
#include "runtime/parameter_sync.h"

namespace miniray {

class Collector;

struct GanOptions {
  GanSpec model;
  AdamOptions optimizer;
  std::optional<double> discriminator_lr{};  // empty: the optimizer's
  Objective objective{};
  LearningRateSchedule schedule{};  // of both optimizers
  Precision precision{};            // of moments and of what passes through the networks
  double ema = 0;                   // decay of G's average over steps, below 1; 0: none is kept
  std::uint64_t seed = 42;
};

struct TrainOptions {
  std::int64_t epochs = 50;       // further ones; where resumed, of the whole training
  std::int64_t batch_size = 128;  // of each worker, in one pass through the networks
  std::int64_t accumulate = 1;    // passes a step: it takes so many batches as one
  std::int64_t d_steps = 1;       // steps of D for each of G
  double clip_norm = 0;           // see StepOptions
  Flip flip = Flip::kNever;
  Augmentation augmentation{};  // of what D sees
  SyncPolicy sync{};
  Sharding sharding{};              // empty: contiguous; of no effect where gradients are averaged
  std::int64_t gradient_norms = 0;  // steps between two measurements of gradient norms; 0: none
  Collector* collector = nullptr;   // keeps the run's records (gan/collector.h); not owned
  CheckpointOptions checkpoints{};
  // Where losses explode or leave the finite numbers, training goes back to the last checkpoint and
  // on with half the learning rates: once.
  bool divergence_guard = true;
  // Of several workers that average parameters: how many steps of each may fail, by what they throw
  // or by such losses. The worker then takes up the last average and goes on.
  std::int64_t max_failures = 3;
  // Told of each on the worker's thread, with its rank.
  std::function<void(int rank, const std::string& message)> on_failure{};
};

struct StepReport {
  std::int64_t epoch, epochs;         // epoch counts from 1
  std::int64_t step, steps_in_epoch;  // within the epoch, from 1
  std::int64_t images;                // of this step, over all workers
  StepResult result;                  // of this worker; g_loss of G's latest update
  std::int64_t steps_done;            // of this worker, since training began
  std::int64_t shard;                 // pictures of this worker
  std::optional<SyncReport> sync;     // where one followed the step
};

struct EpochReport {
  std::int64_t epoch = 0, epochs = 0;  // epoch counts from 1
  std::int64_t step = 0;               // of each worker, since training began
  StepResult mean;                     // over the epoch's steps and all workers
  std::vector<StepResult> workers;     // over the epoch's steps, by rank
  std::int64_t images = 0;             // over all workers; of a resumed epoch, since then
  double seconds = 0;                  // for them
  std::optional<SyncReport> sync;      // the last of this epoch

  double images_per_second() const { return static_cast<double>(images) / seconds; }
};

// Told of what happens to one worker, on that worker's training thread, between steps. What it
// throws ends the training. The trainers' observers are told of worker 0.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void on_step(const StepReport& report) = 0;
  // generator: the one that pictures are made with (GanState::sampling_generator).
  virtual void on_epoch(const EpochReport& report, const Network<float>& generator) = 0;
};

using Observers = std::vector<TrainObserver*>;  // not owned

struct TrainResult {
  std::vector<EpochReport> history;  // of whole epochs
  bool stopped = false;              // before the last epoch's end
};

class Replica {
 public:
  // Both must outlive this. Replicas of one world are made alike.
  Replica(const ThreadBudget& threads, Communicator& communicator, const GanOptions& options);

  // A collective: all replicas of a world call it alike. Goes on from where the last call ended, or
  // from a checkpoint, then with the very bits of a training that was never interrupted. (From a
  // checkpoint of another number of replicas, with other bits: gan/state_average.h.) A last
  // average is always taken, behind the last checkpoint. Where `stop` is set, all end after the
  // step in hand. Throws invalid argument where options or the data set's shape do not fit, not
  // found where no checkpoint is whole any more, diverged where a loss is not finite any more and
  // the options allow no further attempt, communication where another rank failed. The collector
  // is the trainers' concern.
  TrainResult train(const Dataset& dataset, const TrainOptions& options, const Observers& observers,
                    const std::atomic<bool>* stop);

  // After train: the average over workers.
  const GanState& state() const { return state_; }
  // This replica's own networks before the last average. Empty in a world of one.
  const std::optional<GanNetworks>& own_networks() const { return own_networks_; }

 private:
  friend class EpochRunner;

  // All that the next step depends on, besides options and data.
  StateFields state_fields(ParameterSync& sync);
  // Returns the number of the last epoch.
  std::int64_t begin(const TrainOptions& options, Checkpointer& checkpoints);
  void begin_epoch();
  void keep_average();
  // This replica goes on from the last average, its optimizers from their start.
  void take_average();
  // All go on from the last checkpoint; false where there is none.
  bool roll_back(Checkpointer& checkpoints);
  std::vector<SyncSpans> sync_spans();
  void average_over_ranks(Network<float>& network);

  const ThreadBudget& threads_;
  Communicator& communicator_;
  const std::uint64_t seed_;
  const Objective objective_;
  const LearningRateSchedule schedule_;
  const double ema_;
  GanState state_;
  std::optional<GanNetworks> own_networks_;
  // How far it has come.
  std::int64_t step_ = 0;            // since training began
  std::int64_t epoch_ = 0;           // the one in hand, or the last one
  std::int64_t steps_in_epoch_ = 0;  // done of it
  std::int64_t epoch_steps_ = 0;     // of those that it has
  bool in_epoch_ = false;            // it has begun and not ended
  double g_loss_ = 0;                // of G's latest update
  StepResult sums_;                  // over the epoch's steps so far
  // How it fares.
  LossGuard guard_;
  double lr_scale_ = 1;
  std::int64_t roll_backs_ = 0, failures_ = 0;
  std::optional<GanNetworks> last_average_;  // where a failure may need it
};

}  // namespace miniray
