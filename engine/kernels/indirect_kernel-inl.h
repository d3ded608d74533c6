// The innermost loop of the plain way to convolve, for the SIMD target that is being compiled.
//
// As micro_kernel-inl.h's, but the broadcast operand is found by two tables of offsets:
//
//   tile[r, 0 .. kColumns) += source[rows[r] + steps[p]] * panel[p, 0 .. kColumns)
//
// In a padded picture the place of a pixel's tap is the place of the pixel plus that of the tap. So
// a convolution is a matrix product whose one operand is read where it lies: nothing is copied into
// columns first, at the price of one more load for twelve multiply-adds.
#if defined(MINIRAY_INDIRECT_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_INDIRECT_KERNEL_INL_H_
#undef MINIRAY_INDIRECT_KERNEL_INL_H_
#else
#define MINIRAY_INDIRECT_KERNEL_INL_H_
#endif

#include <cstdint>

#include "engine/kernels/micro_kernel-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// tile[kRows x kColumns], rows one after the other, = or += as above for p < depth.
// Beside micro_kernel-inl.h's loop, not an operand of it: that cost a dcgan's step 4% (AVX-512, GCC
// 12).
template <class T, int kRows>
HWY_INLINE void multiply_indirect_rows(const std::int32_t* HWY_RESTRICT rows, std::int64_t depth,
                                       const std::int32_t* HWY_RESTRICT steps,
                                       const T* HWY_RESTRICT source, const T* HWY_RESTRICT panel,
                                       Store store, T* HWY_RESTRICT tile) {
  constexpr std::int64_t kLanes = TileSize<T>::kLanes;
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sums[kRows][2];
  const T* places[kRows];
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    sums[r][0] = hn::Zero(d);
    sums[r][1] = hn::Zero(d);
    places[r] = source + rows[r];
  }
  for (std::int64_t p = 0; p < depth; ++p) {
    const auto b0 = hn::Load(d, panel + p * 2 * kLanes);
    const auto b1 = hn::Load(d, panel + p * 2 * kLanes + kLanes);
    const std::ptrdiff_t step = steps[p];
    HWY_UNROLL(12)
    for (int r = 0; r < kRows; ++r) {
      const auto broadcast = hn::Set(d, places[r][step]);
      sums[r][0] = hn::MulAdd(broadcast, b0, sums[r][0]);
      sums[r][1] = hn::MulAdd(broadcast, b1, sums[r][1]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    T* const to = tile + r * 2 * kLanes;
    if (store == Store::kAdd) {
      sums[r][0] = hn::Add(hn::Load(d, to), sums[r][0]);
      sums[r][1] = hn::Add(hn::Load(d, to + kLanes), sums[r][1]);
    }
    hn::Store(sums[r][0], d, to);
    hn::Store(sums[r][1], d, to + kLanes);
  }
}

// The same for a number of rows known only now, at most TileSize<T>::kRows.
template <class T, int kRows = TileSize<T>::kRows>
HWY_INLINE void multiply_indirect(std::int64_t row_count, const std::int32_t* rows,
                                  std::int64_t depth, const std::int32_t* steps, const T* source,
                                  const T* panel, Store store, T* tile) {
  if (row_count == kRows) {
    return multiply_indirect_rows<T, kRows>(rows, depth, steps, source, panel, store, tile);
  }
  if constexpr (kRows > 1) {
    multiply_indirect<T, kRows - 1>(row_count, rows, depth, steps, source, panel, store, tile);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
