#include "gan/step_meter.h"

#include <utility>

namespace miniray {

std::optional<StepMeter::Means> StepMeter::step(const StepReport& report, Clock::time_point now) {
  sums_ += report.result;
  ++steps_;
  images_ += report.images;
  if (!std::exchange(first_, false) && now - last_ < interval_) return std::nullopt;
  const std::chrono::duration<double> seconds = now - last_;
  const Means means{mean(sums_, steps_), static_cast<double>(images_) / seconds.count()};
  last_ = now;
  sums_ = {};
  steps_ = images_ = 0;
  return means;
}

}  // namespace miniray
