// The training loop of one process: epochs and batches around train_step.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "engine/parallel.h"
#include "gan/data/batch.h"
#include "gan/data/dataset.h"
#include "gan/train_step.h"

namespace miniray {

struct GanTrainerOptions {
  GanSpec model;
  AdamOptions optimizer;
  std::uint64_t seed = 42;
  int threads = available_cores();
};

struct TrainOptions {
  std::int64_t epochs = 50;
  std::int64_t batch_size = 128;
  Flip flip = Flip::kNever;
};

struct StepReport {
  std::int64_t epoch, epochs;         // epoch counts from 1
  std::int64_t step, steps_in_epoch;  // within the epoch, from 1
  std::int64_t batch;                 // samples of this step
  StepResult result;
};

struct EpochReport {
  std::int64_t epoch = 0, epochs = 0;  // epoch counts from 1
  std::int64_t step = 0;               // since training began
  StepResult mean;                     // over the epoch's steps
  std::int64_t images = 0;
  double seconds = 0;

  double images_per_second() const { return static_cast<double>(images) / seconds; }
};

// Told of what happens, on the training thread, between steps. What it throws ends the training.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void on_step(const StepReport& report) = 0;
  virtual void on_epoch(const EpochReport& report, const Network<float>& generator) = 0;
};

using Observers = std::vector<TrainObserver*>;  // not owned

struct TrainResult {
  std::vector<EpochReport> history;  // of whole epochs
  bool stopped = false;              // before the last epoch's end
};

class GanTrainer {
 public:
  explicit GanTrainer(std::int64_t latent_dim = 100, double lr = 0.0002);
  // Throws invalid argument, naming what is out of range.
  explicit GanTrainer(const GanTrainerOptions& options);

  // Goes on from where the last call ended. The last batch of an epoch may be smaller; one of a
  // single picture is left out, since batch normalisation has no variance of one. Where `stop` is
  // set, ends after the step in hand. Throws invalid argument where options or the data set's shape
  // do not fit, and where a loss is not finite any more.
  TrainResult train(const Dataset& dataset, const TrainOptions& options,
                    const Observers& observers = {}, const std::atomic<bool>* stop = nullptr);

  // dir/generator.safetensors and dir/discriminator.safetensors. Throws io, naming the path.
  void save_models(const std::filesystem::path& dir) const;

  const GanState& state() const { return state_; }
  const ThreadBudget& threads() const { return threads_; }

 private:
  // One epoch; false where it was stopped. `report` gets sums of the steps' results.
  bool run_epoch(const Dataset& dataset, const TrainOptions& options, const Observers& observers,
                 const std::atomic<bool>* stop, StepBuffers& buffers, EpochReport& report);

  std::uint64_t seed_;
  ThreadBudget threads_;
  GanState state_;
  std::int64_t step_ = 0;
  std::int64_t epoch_ = 0;
};

}  // namespace miniray
