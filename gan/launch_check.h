// Processes of one job must be started alike: with the same program, options and data.
#pragma once

#include "gan/config.h"
#include "gan/data/dataset.h"
#include "runtime/communicator.h"

namespace miniray {

// A collective over the processes. Throws invalid argument on every process where one differs from
// the first, naming it and what differs.
void check_alike(Communicator& processes, const TrainConfig& config, const Dataset& dataset);

}  // namespace miniray
