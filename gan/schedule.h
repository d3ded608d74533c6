// How the learning rate changes while training goes on: a factor of what was asked for.
#pragma once

#include <cstdint>
#include <string>

namespace miniray {

enum class Decay { kNone, kLinear, kCosine };

struct LearningRateSchedule {
  Decay decay = Decay::kNone;
  std::int64_t warmup_steps = 0;  // in which it rises in equal steps, on top of the decay
};

// "none", "linear" or "cosine". Throws invalid argument for another name.
Decay make_decay(const std::string& name);

// step counts from 1; progress, in [0, 1), is the part of the training that is done. Without
// warm-up 1 at the start; linear and cosine (Loshchilov and Hutter, arXiv 1608.03983, eq. 5,
// without restarts) end at 0.
double learning_rate_factor(const LearningRateSchedule& schedule, std::int64_t step,
                            double progress);

}  // namespace miniray
