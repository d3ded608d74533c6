// A whole run as gan_train does it: data, trainer, the run's folder (gan/collector.h), models at
// the end.
#pragma once

#include <atomic>
#include <string>

#include "gan/config.h"
#include "gan/run_observer.h"
#include "gan/trainer.h"
#include "runtime/process_group.h"

namespace miniray {

// Under mpirun every process calls it alike, with the job's `processes`; the first one keeps the
// run's folder and tells `observer`. Throws invalid argument where they were started differently.
// config_text is kept as the run's config.toml. Where `stop` is set, ends after the step in hand
// and saves. Records and sample sheets that cannot be written are a warning, models an Error.
// Throws invalid argument also where the run exists already.
TrainResult run_training(const TrainConfig& config, const std::string& config_text,
                         ProcessGroup& processes, RunObserver& observer,
                         const std::atomic<bool>& stop);

}  // namespace miniray
