// Training as a library: in one process with one replica (GanTrainer), or with several on threads
// of their own (DistributedGanTrainer). Equal functions, so that programs can take either.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gan/replica.h"
#include "runtime/process_group.h"
#include "runtime/runtime.h"
#include "runtime/thread_communicator.h"

namespace miniray {

class GanTrainer {
 public:
  explicit GanTrainer(std::int64_t latent_dim = 100, double lr = 0.0002);
  // Throws invalid argument, naming what is out of range.
  explicit GanTrainer(const GanOptions& options, int threads = available_cores());

  // See Replica::train. Where the options name a collector, it keeps the records (gan/collector.h).
  TrainResult train(const Dataset& dataset, const TrainOptions& options,
                    const Observers& observers = {}, const std::atomic<bool>* stop = nullptr);

  // dir/generator.safetensors, the one that pictures are made with, and
  // dir/discriminator.safetensors; removes those of workers that an earlier training left in dir.
  // Throws io, naming the path.
  void save_models(const std::filesystem::path& dir) const;

  const GanState& state() const { return replica_.state(); }

 private:
  const GanOptions options_;
  ThreadBudget threads_;
  std::unique_ptr<Communicator> communicator_;
  Replica replica_;
};

struct WorkerOptions {
  int num_workers = 4;
  int threads_per_worker = 1;
  bool pin_to_cores = false;  // see RuntimeOptions
  // How long a worker that others wait for may go without finishing a step.
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
  // Told the reason where a worker hangs for good: from the trainer's destructor, after train
  // threw. A thread can neither be ended from outside nor lose what it uses: a program should end
  // its process here (std::_Exit). Where this returns, or is empty, the destructor waits for the
  // worker, and what train was given must last as long.
  std::function<void(const std::string& reason)> on_hang{};
  // Several processes, each with num_workers: their job, which must outlive the trainer. Null: this
  // process alone.
  ProcessGroup* processes = nullptr;
};

// One worker: an actor of the runtime.
class ReplicaActor {
 public:
  // Worker local_rank of this process. `world` and `processes` (may be null) must outlive the
  // actor.
  ReplicaActor(const ThreadBudget& threads, ThreadWorld* world, int local_rank,
               ProcessGroup* processes, const GanOptions& options);

  // Replica::train; where it throws, the other workers end too. Pointers must stay valid meanwhile.
  TrainResult train(const Dataset* dataset, TrainOptions options, Observers observers,
                    const std::atomic<bool>* stop);
  const Replica* replica() const { return &replica_; }

 private:
  std::unique_ptr<Communicator> communicator_;
  Replica replica_;
};

class DistributedGanTrainer {
 public:
  explicit DistributedGanTrainer(int num_workers = 4, std::int64_t latent_dim = 100,
                                 double lr = 0.0002);
  // Throws invalid argument, naming what is out of range.
  DistributedGanTrainer(const GanOptions& options, const WorkerOptions& workers);

  ~DistributedGanTrainer();

  // The history holds the means over the workers and each worker's own losses. Throws what the
  // first worker that failed threw; where that one hangs, what the others did when they gave it up.
  // See Replica::train. Of several processes the first one's observers are told; all name a
  // collector, or none.
  TrainResult train(const Dataset& dataset, const TrainOptions& options,
                    const Observers& observers = {}, const std::atomic<bool>* stop = nullptr);

  // The average as GanTrainer does; before the last average, each worker's own networks as
  // dir/worker_<rank>/; removes those of an earlier training with more workers. Of several
  // processes the first saves the average, each its own workers. Throws io, naming the path.
  void save_models(const std::filesystem::path& dir) const;

  // The average, between trainings.
  const GanState& state() const { return replicas_.front()->state(); }
  // The replicas of this process's workers by rank, between trainings.
  const std::vector<const Replica*>& workers() const { return replicas_; }

 private:
  int process_count() const;

  // Starts the training on every worker.
  std::vector<Future<TrainResult>> start(const Dataset& dataset, const TrainOptions& options,
                                         const Observers& observers, const std::atomic<bool>* stop);
  // Their indices: all of them, or, once the world has failed, those that end in time.
  std::vector<std::size_t> wait_for(const std::vector<Future<TrainResult>>& results) const;

  // Which worker was lost, and what it brought down.
  void record_failure(Collector& collector, const std::string& message, bool heard_of_it) const;

  const GanOptions gan_options_;
  const WorkerOptions options_;
  ThreadWorld world_;
  Runtime runtime_;  // after the world: its actors use it
  std::vector<Actor<ReplicaActor>> actors_;
  std::vector<const Replica*> replicas_;
  int first_rank_ = 0;       // of this process's workers
  std::string hang_reason_;  // empty where no worker hangs
};

}  // namespace miniray
