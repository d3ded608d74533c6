#include "gan/step_meter.h"

#include <algorithm>
#include <utility>

namespace miniray {

StepMeter::Clock::duration StepMeter::interval(Clock::time_point now) const {
  if (interval_ == Clock::duration::zero()) return interval_;
  return std::max(interval_, (now - start_) / kParts);
}

std::optional<StepMeter::Means> StepMeter::step(const StepReport& report, Clock::time_point now) {
  sums_ += report.result;
  ++steps_;
  images_ += report.images;
  if (!std::exchange(first_, false) && now - last_ < interval(now)) return std::nullopt;
  const std::chrono::duration<double> seconds = now - last_;
  const Means means{mean(sums_, steps_), static_cast<double>(images_) / seconds.count()};
  last_ = now;
  sums_ = {};
  steps_ = images_ = 0;
  return means;
}

}  // namespace miniray
