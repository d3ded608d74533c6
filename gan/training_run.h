// A whole run as gan_train does it: data, trainer, the run's folder with its records and sample
// sheets, models at the end.
//
//   runs/<job-id>/config.toml      what was asked, readable by --config
//                 events.jsonl     see gan/records.h
//                 samples/         epoch_<n, five digits>.png: fixed latents after epoch n
#pragma once

#include <atomic>
#include <string>

#include "gan/config.h"
#include "gan/trainer.h"
#include "runtime/process_group.h"

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

// A user interface: told of the run besides its steps. On the training thread.
class RunObserver : public TrainObserver {
 public:
  virtual void on_start(const RunInfo& info) = 0;
  // Something that does not end the run.
  virtual void on_warning(const std::string& message) = 0;
  // A worker hangs for good, and so would the end of run_training: the process should end here. The
  // run's records are written by now. See WorkerOptions::on_hang.
  virtual void on_hang(const std::string& reason) = 0;
  virtual void on_saved(const std::filesystem::path& save_dir, bool stopped) = 0;
};

// Under mpirun every process calls it alike, with the job's `processes`; the first one keeps the
// run's folder and tells `observer`. Throws invalid argument where they were started differently.
// config_text is kept as the run's config.toml. Where `stop` is set, ends after the step in hand
// and saves. Records and sample sheets that cannot be written are a warning, models an Error.
// Throws invalid argument also where the run exists already.
TrainResult run_training(const TrainConfig& config, const std::string& config_text,
                         ProcessGroup& processes, RunObserver& observer,
                         const std::atomic<bool>& stop);

}  // namespace miniray
