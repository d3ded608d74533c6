#include "engine/kernels/resample.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/resample.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A vector of 128 bits, four floats: rows of small pictures are no longer.
template <class T>
using ShortTag = hn::CappedTag<T, 16 / sizeof(T)>;

template <class T>
void spread(std::int64_t rows, std::int64_t columns, T scale, const T* small, T* large) {
  const ShortTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale);
  for (std::int64_t r = 0; r < rows; ++r, small += columns, large += 4 * columns) {
    T* const below = large + 2 * columns;
    std::int64_t c = 0;
    for (; c + lanes <= columns; c += lanes) {
      const auto v = hn::Mul(hn::LoadU(d, small + c), factor);
      hn::StoreInterleaved2(v, v, d, large + 2 * c);
      hn::StoreInterleaved2(v, v, d, below + 2 * c);
    }
    for (; c < columns; ++c) {
      large[2 * c] = large[2 * c + 1] = below[2 * c] = below[2 * c + 1] = scale * small[c];
    }
  }
}

template <class T>
void gather(std::int64_t rows, std::int64_t columns, T scale, const T* large, T* small) {
  const ShortTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale);
  for (std::int64_t r = 0; r < rows; ++r, small += columns, large += 4 * columns) {
    const T* const below = large + 2 * columns;
    std::int64_t c = 0;
    for (; c + lanes <= columns; c += lanes) {
      hn::Vec<decltype(d)> a0, a1, b0, b1;
      hn::LoadInterleaved2(d, large + 2 * c, a0, a1);
      hn::LoadInterleaved2(d, below + 2 * c, b0, b1);
      hn::StoreU(hn::Mul(factor, hn::Add(hn::Add(a0, a1), hn::Add(b0, b1))), d, small + c);
    }
    for (; c < columns; ++c) {
      small[c] = scale * ((large[2 * c] + large[2 * c + 1]) + (below[2 * c] + below[2 * c + 1]));
    }
  }
}

template <class T>
constexpr ResampleKernels<T> kResample = {.spread = spread<T>, .gather = gather<T>};

const ResampleKernels<float>* resample_float() { return &kResample<float>; }
const ResampleKernels<double>* resample_double() { return &kResample<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(resample_float);
HWY_EXPORT(resample_double);

template <>
const ResampleKernels<float>& resample() {
  return *HWY_DYNAMIC_DISPATCH(resample_float)();
}
template <>
const ResampleKernels<double>& resample() {
  return *HWY_DYNAMIC_DISPATCH(resample_double)();
}

}  // namespace miniray
#endif
