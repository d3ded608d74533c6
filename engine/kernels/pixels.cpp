#include "engine/kernels/pixels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/pixels.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/pixels-inl.h"
#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

using Floats = hn::ScalableTag<float>;
using Bytes = hn::Rebind<std::uint8_t, Floats>;

HWY_INLINE hn::Vec<Bytes> to_bytes(hn::Vec<Floats> values) {
  return hn::DemoteTo(Bytes(), to_levels(values));
}

// A vector of pixels; load(c) gives channel c.
template <class Load>
HWY_INLINE void store_pixels(std::int64_t channels, Load load, std::uint8_t* hwc) {
  if (channels == 1) {
    hn::StoreU(to_bytes(load(0)), Bytes(), hwc);
  } else {
    hn::StoreInterleaved3(to_bytes(load(0)), to_bytes(load(1)), to_bytes(load(2)), Bytes(), hwc);
  }
}

void convert_planes(std::int64_t channels, std::int64_t pixels, const float* chw,
                    std::uint8_t* hwc) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  // StoreInterleaved3 of part of a vector may write a whole one behind it.
  for (; i + 2 * lanes <= pixels; i += lanes) {
    store_pixels(
        channels, [&](std::int64_t c) HWY_ATTR { return hn::LoadU(d, chw + c * pixels + i); },
        hwc + i * channels);
  }
  for (; i < pixels; ++i) {
    for (std::int64_t c = 0; c < channels; ++c) {
      HWY_ALIGN std::uint8_t bytes[HWY_MAX_BYTES];
      hn::Store(to_bytes(hn::Set(d, chw[c * pixels + i])), Bytes(), bytes);
      hwc[i * channels + c] = bytes[0];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(convert_planes);

void pixels_from_planes(std::int64_t channels, std::int64_t pixels, const float* chw,
                        std::uint8_t* hwc) {
  HWY_DYNAMIC_DISPATCH(convert_planes)(channels, pixels, chw, hwc);
}

}  // namespace miniray
#endif
