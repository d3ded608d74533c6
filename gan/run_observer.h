// A run's user interface, and what it is told.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "gan/epoch_evaluator.h"
#include "gan/replica.h"

namespace miniray {

// What a run is, known before its first step.
struct RunInfo {
  std::string job_id;
  std::filesystem::path folder;
  std::string dataset;
  std::int64_t images = 0;
  int processes = 1;
  int workers = 1;  // of all processes
  int threads = 0;  // of each worker
  std::int64_t generator_parameters = 0, discriminator_parameters = 0;
};

// Told of the run besides its steps. Between trainings on the thread that trains, otherwise on
// worker 0's.
class RunObserver : public TrainObserver {
 public:
  // Before the start, every few hundred pictures: see Preparation::progress.
  virtual void on_decode(std::int64_t done, std::int64_t total) = 0;
  virtual void on_start(const RunInfo& info) = 0;
  // Something that does not end the run.
  virtual void on_warning(const std::string& message) = 0;
  // A worker hangs for good, and so would the end of run_training: the process should end here. The
  // run's records are written by now. See WorkerOptions::on_hang.
  virtual void on_hang(const std::string& reason) = 0;
  // One was saved, or the run was resumed from it.
  virtual void on_checkpoint(const CheckpointReport& report) = 0;
  // After an epoch whose generator was evaluated.
  virtual void on_evaluation(const EvaluationReport& report) = 0;
  virtual void on_saved(const std::filesystem::path& save_dir, bool stopped) = 0;
};

}  // namespace miniray
