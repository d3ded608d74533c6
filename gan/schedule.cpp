#include "gan/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/error.h"

namespace miniray {
namespace {

double decayed(Decay decay, double progress) {
  switch (decay) {
    case Decay::kLinear:
      return 1 - progress;
    case Decay::kCosine:
      return (1 + std::cos(std::numbers::pi * progress)) / 2;
    case Decay::kNone:
      break;
  }
  return 1;
}

}  // namespace

Decay make_decay(const std::string& name) {
  if (name == "none") return Decay::kNone;
  if (name == "linear") return Decay::kLinear;
  if (name == "cosine") return Decay::kCosine;
  throw invalid_argument("a learning rate's decay is none, linear or cosine, not '" + name + "'");
}

double learning_rate_factor(const LearningRateSchedule& schedule, std::int64_t step,
                            double progress) {
  const double warmup =
      schedule.warmup_steps > 0
          ? std::min(1.0, static_cast<double>(step) / static_cast<double>(schedule.warmup_steps))
          : 1;
  return warmup * decayed(schedule.decay, progress);
}

}  // namespace miniray
