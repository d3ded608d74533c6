// A clock around each layer of a GAN's networks, so that the training step itself, unchanged, tells
// what its time is spent on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "bench/step_products.h"
#include "bench/timing.h"
#include "gan/train_step.h"

namespace miniray::bench {

enum class Work {
  kLinearForward,
  kLinearInputGradient,
  kLinearWeightGradient,  // and the bias's, and Adam
  kActivation,
  kDropout,
  kBatchNorm,
};
inline constexpr std::size_t kWorks = 6, kStepParts = 3;

// Milliseconds by part of the step and kind of work.
class WorkClock {
 public:
  template <class Action>
  void time(StepPart part, Work work, Action&& action) {
    times_ms_[index(part, work)] += time_ms(action);
  }
  void clear() { times_ms_ = {}; }
  double ms(StepPart part, Work work) const { return times_ms_[index(part, work)]; }

 private:
  static std::size_t index(StepPart part, Work work) {
    return static_cast<std::size_t>(part) * kWorks + static_cast<std::size_t>(work);
  }

  std::array<double, kStepParts * kWorks> times_ms_{};
};

// A GAN just initialised, whose layers add what they take to `clock`, which must outlive it. batch:
// of its steps, by which D's half (2 batch) is told from G's way through D.
GanState make_timed_gan(const GanSpec& spec, std::int64_t batch, WorkClock& clock);

}  // namespace miniray::bench
