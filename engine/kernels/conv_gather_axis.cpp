#include "engine/kernels/conv_gather.h"

namespace miniray {

// In the adjoint, element t of the target meets tap a in source element (t + padding - a) / stride
// where that is whole: phase r has the targets with (t + padding) mod stride = r, and the taps
// a = r, r + stride, ..., here in the order in which their sources rise.
GatherPhase GatherAxis::phase(std::int64_t index) const {
  if (!adjoint_) return {0, target_extent_, -padding_, kernel_, 0};
  const std::int64_t taps = index < kernel_ ? (kernel_ - index + stride_ - 1) / stride_ : 0;
  const std::int64_t first = std::max<std::int64_t>(0, padding_ - index + stride_ - 1) / stride_;
  const std::int64_t first_target = first * stride_ + index - padding_;
  const std::int64_t count =
      first_target < target_extent_ ? (target_extent_ - 1 - first_target) / stride_ + 1 : 0;
  const std::int64_t last_tap = std::max<std::int64_t>(0, taps - 1);
  return {first_target, count, first - last_tap, taps, index + stride_ * last_tap};
}

std::int64_t GatherAxis::largest_count() const {
  std::int64_t largest = 0;
  for (std::int64_t i = 0; i < phases(); ++i) largest = std::max(largest, phase(i).count);
  return largest;
}

std::int64_t GatherAxis::lowest_source() const {
  std::int64_t lowest = phase(0).first_source;
  for (std::int64_t i = 1; i < phases(); ++i) lowest = std::min(lowest, phase(i).first_source);
  return lowest;
}

std::int64_t GatherAxis::reach(std::int64_t count) const {
  const std::int64_t lowest = lowest_source();
  std::int64_t end = lowest + 1;
  for (std::int64_t i = 0; i < phases(); ++i) {
    const GatherPhase p = phase(i);
    end = std::max(
        end, p.first_source + (count - 1) * source_step() + std::max<std::int64_t>(1, p.taps));
  }
  return end - lowest;
}

Gather gather_of_convolution(const ConvShape& s) {
  const std::int64_t plane = s.kernel * s.kernel;
  return {s.images,
          s.channels,
          s.out_channels,
          s.kernel,
          s.channels * plane,
          plane,
          GatherAxis::of_convolution(s.kernel, s.stride, s.padding, s.height, s.out_height()),
          GatherAxis::of_convolution(s.kernel, s.stride, s.padding, s.width, s.out_width())};
}

Gather gather_of_adjoint(const ConvShape& s) {
  const std::int64_t plane = s.kernel * s.kernel;
  return {s.images,
          s.out_channels,
          s.channels,
          s.kernel,
          plane,
          s.channels * plane,
          GatherAxis::of_adjoint(s.kernel, s.stride, s.padding, s.height, s.out_height()),
          GatherAxis::of_adjoint(s.kernel, s.stride, s.padding, s.width, s.out_width())};
}

}  // namespace miniray
