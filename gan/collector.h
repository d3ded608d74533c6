// Keeps the records of a run: of gan_train's, and of any training of a program of one's own.
//
//   Collector collector({.job_id = "first"});
//   trainer.train(pictures, {.epochs = 10, .collector = &collector});
//
//   runs/<job-id>/config.toml    what was asked, readable by --config (gan_train's runs)
//                 events.jsonl   see gan/records.h
//                 samples/       epoch_<n, five digits>.png: fixed latents after epoch n
//                 checkpoints/   where asked for, see gan/checkpoint_folder.h
//   <tensorboard>/<job-id>/      the same curves and sheets, see gan/tensorboard.h
//
// Where the job has several processes, each makes a collector alike: the first one keeps the run,
// the others add their workers' records to its events.jsonl, or, on a machine that does not share
// the folder, to one of their own.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/parallel.h"
#include "gan/records.h"
#include "gan/replica.h"
#include "gan/run_observer.h"
#include "gan/sampler.h"
#include "gan/step_meter.h"
#include "gan/tensorboard.h"
#include "runtime/communicator.h"

namespace miniray {

struct CollectorOptions {
  std::filesystem::path runs_dir = "runs";
  std::string job_id;                 // empty: one is made up
  std::int64_t sample_every = 1;      // epochs between two sheets of samples; 0: none
  double record_interval = 1;         // seconds between two records of a worker; 0: every step
  std::filesystem::path tensorboard;  // empty: no event files
  // What else the program was asked: recorded as config.
  std::map<std::string, std::string> settings;
  std::string config_text;          // empty: no config.toml
  bool resume = false;              // job_id names a run that goes on: records are appended
  RunObserver* observer = nullptr;  // told by the first process; null: nobody. Not owned.
};

// What a trainer says of a training before its first step.
struct TrainingInfo {
  const Dataset& dataset;
  const GanOptions& gan;
  const TrainOptions& options;
  const GanState& state;  // stays where it is until the training ends
  int workers = 1;        // of this process
  int threads = 1;        // of each
};

// One run: a training, and those that go on with the same trainer. What cannot be written once it
// has begun is a warning, told once: it does not end the training.
class Collector {
 public:
  // Nothing is written before a training begins. Throws invalid argument, naming what is wrong.
  explicit Collector(CollectorOptions options = {});
  // Ends the run: failed where a training did, or where an exception destroys it.
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Empty before the first training begins, unless one was given.
  const std::string& job_id() const { return options_.job_id; }
  const std::filesystem::path& folder() const { return folder_; }

  // Between trainings.
  void models_saved(const std::filesystem::path& dir);
  // The run has failed; the first message counts.
  void fail(const std::string& message);
  // The last record. No training may follow.
  void end();

  // The rest is called by the trainers.

  // A collective of the job's processes. Begins the run, if this is its first training. Throws
  // invalid argument where the run exists already (resumed: does not) or has ended, io where its
  // folder or tensorboard's cannot be written.
  void begin(const TrainingInfo& training, Communicator& processes);
  // To be told of what happens to a worker of this process, on its thread. Valid until the next
  // begin.
  TrainObserver& worker(int local_rank);
  void stopped() { stopped_ = true; }  // the training, before its end
  void worker_lost(int rank, const std::string& message);
  // On that worker's thread.
  void failure_survived(int rank, const std::string& message);
  // On worker 0's thread.
  void evaluated(const EvaluationReport& report);
  void checkpoint(const CheckpointReport& report);

 private:
  class WorkerRecorder;
  using Clock = StepMeter::Clock;

  void begin_run(const TrainingInfo& training, Communicator& processes);
  void open_folder(Communicator& processes);
  RunInfo describe(const TrainingInfo& training, int processes) const;
  Record start_record(const RunInfo& info, const TrainingInfo& training) const;
  void warn(const std::string& message);  // the observer
  void record_warning(const std::string& message);

  void record_metrics(const StepReport& report, const StepMeter::Means& means);
  void record_worker(int rank, const StepReport& report, const StepMeter::Means& means);
  void record_epoch(const EpochReport& report);
  void record_sync(std::int64_t epoch, std::int64_t step, const SyncReport& sync);
  void record_samples(const EpochReport& report);
  void write_scalars(std::int64_t step, const std::vector<Scalar>& scalars);
  void write(const Record& record);
  void attempt(const std::function<void()>& action);

  CollectorOptions options_;
  const int exceptions_before_;
  std::filesystem::path folder_;
  bool first_process_ = true;
  int world_size_ = 1, first_rank_ = 0;
  std::optional<RecordWriter> writer_;  // of a run that has begun
  std::optional<EventFile> tensorboard_;
  std::optional<ThreadBudget> threads_;
  std::optional<Sampler> sampler_;
  std::int64_t classes_ = 0;  // of a conditional model
  std::uint64_t seed_ = 0;
  std::vector<std::unique_ptr<WorkerRecorder>> workers_;
  bool warned_ = false, stopped_ = false, ended_ = false;
  std::optional<std::string> failure_;
};

}  // namespace miniray
