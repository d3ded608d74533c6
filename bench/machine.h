// What this machine can do at most, measured now: the yardstick of every figure.
#pragma once

#include "engine/parallel.h"

namespace miniray::bench {

// Single-precision fused multiply-adds on registers alone, all threads at once, in FLOP/s.
double measure_fma_peak(const ThreadBudget& threads);

// Bytes read plus bytes written a second by a copy far larger than the caches, whose stores do not
// read a line before they overwrite it: an ordinary copy moves three bytes for every two counted,
// a pass that updates in place two.
double measure_copy_bandwidth(const ThreadBudget& threads);

}  // namespace miniray::bench
