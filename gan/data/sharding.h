// Which pictures a worker trains on: a value, so that a user's own function serves as well.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gan/data/dataset.h"

namespace miniray {

// The pictures of one worker in one epoch (from 1). Called by that worker, on its thread.
using Sharding = std::function<std::vector<std::uint32_t>(const Dataset& dataset, int rank,
                                                          int world_size, std::int64_t epoch)>;

// contiguous   worker r of N has pictures [r n / N, (r + 1) n / N) of n
// strided      worker r has pictures r, r + N, r + 2N ..
// reshuffle    contiguous parts of a permutation that changes each epoch
// by-class     worker r has the classes r, r + N ..; at least one each
// Throws invalid argument for another name.
Sharding make_sharding(const std::string& name, std::uint64_t seed);

}  // namespace miniray
