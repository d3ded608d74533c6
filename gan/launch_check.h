// Processes of one job must be started alike: with the same program, options and data.
#pragma once

#include <string>

#include "gan/config.h"
#include "gan/data/dataset.h"
#include "runtime/communicator.h"

namespace miniray {

// Tells data sets apart: by the number of pictures, a hundred of them with their labels, and the
// classes' names.
std::string fingerprint(const Dataset& dataset);

// A collective over the processes. Throws invalid argument on every process where one differs from
// the first, naming it and what differs.
void check_alike(Communicator& processes, const TrainConfig& config, const Dataset& dataset);

}  // namespace miniray
