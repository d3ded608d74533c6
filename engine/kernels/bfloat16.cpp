#include "engine/kernels/bfloat16.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/bfloat16.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/bfloat16-inl.h"
#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

std::uint16_t* bits_of(Bfloat16* x) { return reinterpret_cast<std::uint16_t*>(x); }
const std::uint16_t* bits_of(const Bfloat16* x) {
  return reinterpret_cast<const std::uint16_t*>(x);
}

void round_rows(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t x_stride,
                Bfloat16* y, std::int64_t y_stride) {
  const FloatLanes d;
  const Bfloat16Lanes half;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    std::uint16_t* const to = bits_of(y);
    std::int64_t c = 0;
    for (; c + lanes <= columns; c += lanes) {
      hn::StoreU(rounded(hn::LoadU(d, x + c)), half, to + c);
    }
    if (c == columns) continue;
    const auto rest = static_cast<std::size_t>(columns - c);
    store_first(rounded(load_first(d, x + c, rest)), half, to + c, rest);
  }
}

void widen_rows(std::int64_t rows, std::int64_t columns, const Bfloat16* x, std::int64_t x_stride,
                float* y, std::int64_t y_stride) {
  const FloatLanes d;
  const Bfloat16Lanes half;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    const std::uint16_t* const from = bits_of(x);
    std::int64_t c = 0;
    for (; c + lanes <= columns; c += lanes) {
      hn::StoreU(widened(hn::LoadU(half, from + c)), d, y + c);
    }
    if (c == columns) continue;
    const auto rest = static_cast<std::size_t>(columns - c);
    store_first(widened(load_first(half, from + c, rest)), d, y + c, rest);
  }
}

void add_and_scale_bfloat16(float scale, std::span<const Bfloat16> x, std::span<float> y) {
  const FloatLanes d;
  const Bfloat16Lanes half;
  const std::size_t lanes = hn::Lanes(d);
  const std::uint16_t* const from = bits_of(x.data());
  const auto add = [&](auto sum, auto term)
                       HWY_ATTR { return hn::Mul(hn::Set(d, scale), hn::Add(sum, term)); };
  std::size_t i = 0;
  for (; i + lanes <= x.size(); i += lanes) {
    hn::StoreU(add(hn::LoadU(d, y.data() + i), widened(hn::LoadU(half, from + i))), d,
               y.data() + i);
  }
  if (i == x.size()) return;
  const std::size_t rest = x.size() - i;
  store_first(add(load_first(d, y.data() + i, rest), widened(load_first(half, from + i, rest))), d,
              y.data() + i, rest);
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(round_rows);
HWY_EXPORT(widen_rows);
HWY_EXPORT(add_and_scale_bfloat16);

void round_rows(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t x_stride,
                Bfloat16* y, std::int64_t y_stride) {
  HWY_DYNAMIC_DISPATCH(round_rows)(rows, columns, x, x_stride, y, y_stride);
}

void widen_rows(std::int64_t rows, std::int64_t columns, const Bfloat16* x, std::int64_t x_stride,
                float* y, std::int64_t y_stride) {
  HWY_DYNAMIC_DISPATCH(widen_rows)(rows, columns, x, x_stride, y, y_stride);
}

void add_and_scale(float scale, std::span<const Bfloat16> x, std::span<float> y) {
  HWY_DYNAMIC_DISPATCH(add_and_scale_bfloat16)(scale, x, y);
}

void round_to_bfloat16(std::span<const float> x, std::span<Bfloat16> y) {
  round_rows(1, static_cast<std::int64_t>(x.size()), x.data(), 0, y.data(), 0);
}

void widen(std::span<const Bfloat16> x, std::span<float> y) {
  widen_rows(1, static_cast<std::int64_t>(x.size()), x.data(), 0, y.data(), 0);
}

}  // namespace miniray
#endif
