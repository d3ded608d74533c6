#include "engine/kernels/channels_last_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/channels_last_tiles.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

void finish(std::int64_t rows, std::int64_t channels, const float* sums, std::int64_t sums_stride,
            const float* bias, float floor, const std::int64_t* places, float* y) {
  const hn::ScalableTag<float> d;
  const auto least = hn::Set(d, floor);
  for (std::int64_t r = 0; r < rows; ++r) {
    map2(static_cast<std::size_t>(channels), sums + r * sums_stride, bias, y + places[r],
         [&](auto sum, auto b) HWY_ATTR { return hn::Max(hn::Add(sum, b), least); });
  }
}

// y[c] = after(the sources' elements joined in order)
template <class Join, class After>
HWY_INLINE void join(std::int64_t channels, std::int64_t count, const float* const* sources,
                     float* y, Join op, After after) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) {
    auto joined = hn::LoadU(d, sources[0] + c);
    for (std::int64_t s = 1; s < count; ++s) joined = op(joined, hn::LoadU(d, sources[s] + c));
    hn::StoreU(after(joined), d, y + c);
  }
  if (c == channels) return;
  const auto rest = static_cast<std::size_t>(channels - c);
  auto joined = load_first(d, sources[0] + c, rest);
  for (std::int64_t s = 1; s < count; ++s) joined = op(joined, load_first(d, sources[s] + c, rest));
  store_first(after(joined), d, y + c, rest);
}

void largest(std::int64_t channels, std::int64_t count, const float* const* sources, float* y) {
  join(
      channels, count, sources, y, [](auto a, auto b) HWY_ATTR { return hn::Max(a, b); },
      [](auto joined) HWY_ATTR { return joined; });
}

void scaled_sum(std::int64_t channels, std::int64_t count, const float* const* sources, float scale,
                float* y) {
  const auto factor = hn::Set(hn::ScalableTag<float>(), scale);
  join(
      channels, count, sources, y, [](auto a, auto b) HWY_ATTR { return hn::Add(a, b); },
      [&](auto joined) HWY_ATTR { return hn::Mul(joined, factor); });
}

constexpr ChannelsLastKernels kKernels = {
    .finish = finish, .largest = largest, .scaled_sum = scaled_sum};

const ChannelsLastKernels* kernels() { return &kKernels; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(kernels);

const ChannelsLastKernels& channels_last_kernels() { return *HWY_DYNAMIC_DISPATCH(kernels)(); }

}  // namespace miniray
#endif
