// Means over the steps between two records.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "gan/replica.h"

namespace miniray {

// Of one worker, used by its thread alone. Costs a few additions a step.
class StepMeter {
 public:
  using Clock = std::chrono::steady_clock;

  struct Means {
    StepResult result;
    double images_per_second;  // over all workers
  };

  // start: when the first step began. An interval of zero: every step is due.
  StepMeter(Clock::duration interval, Clock::time_point start)
      : interval_(interval), last_(start) {}

  // Counts a step that ended at `now`. The means since they were last given, where they are due: at
  // the first step, and when the interval has passed.
  std::optional<Means> step(const StepReport& report, Clock::time_point now);

 private:
  const Clock::duration interval_;
  Clock::time_point last_;
  bool first_ = true;
  StepResult sums_;
  std::int64_t steps_ = 0, images_ = 0;
};

}  // namespace miniray
