// Means over the steps between two records. The longer a training has gone on, the further apart
// they are, so that a long one's records stay of a size to be read: with a second's interval, a
// week has fifty thousand.
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

  // An interval grows to this part of the time since the start.
  static constexpr int kParts = 10'000;

  // start: when the first step began. An interval of zero: every step is due.
  StepMeter(Clock::duration interval, Clock::time_point start)
      : interval_(interval), start_(start), last_(start) {}

  // Counts a step that ended at `now`. The means since they were last given, where they are due: at
  // the first step, and when the interval has passed.
  std::optional<Means> step(const StepReport& report, Clock::time_point now);

 private:
  // From the last record at `now`.
  Clock::duration interval(Clock::time_point now) const;

  const Clock::duration interval_;
  const Clock::time_point start_;
  Clock::time_point last_;
  bool first_ = true;
  StepResult sums_;
  std::int64_t steps_ = 0, images_ = 0;
};

}  // namespace miniray
