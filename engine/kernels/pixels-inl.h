// Numbers to the bytes of pictures, for the SIMD target that is being compiled.
#if defined(MINIRAY_PIXELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_PIXELS_INL_H_
#undef MINIRAY_PIXELS_INL_H_
#else
#define MINIRAY_PIXELS_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The nearest of 0 .. 255 for values in [-1, 1], beyond that cut off.
HWY_INLINE hn::Vec<hn::ScalableTag<std::int32_t>> to_levels(
    hn::Vec<hn::ScalableTag<float>> values) {
  const hn::ScalableTag<float> d;
  const auto scaled = hn::MulAdd(values, hn::Set(d, 127.5F), hn::Set(d, 128.0F));
  const auto clamped = hn::Min(hn::Max(scaled, hn::Zero(d)), hn::Set(d, 255.0F));
  return hn::ConvertTo(hn::ScalableTag<std::int32_t>(), clamped);
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
