// The innermost loop of every matrix product, for the SIMD target that is being compiled.
//
// A tile of C, a few rows by two vectors of columns, is held in registers while k runs. Each step
// of k loads two vectors of a panel of B and broadcasts one number of each row of A:
//
//   c[r, 0 .. kColumns) += a[r, p] * panel[p, 0 .. kColumns)     for every row r, then p + 1
//
// A panel is `k` rows of kColumns numbers, contiguous and aligned. A is never repacked: its rows
// may lie anywhere, k contiguous. Included by kernels/gemm_panels.cpp and indirect_kernel-inl.h.
#if defined(MINIRAY_MICRO_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_MICRO_KERNEL_INL_H_
#undef MINIRAY_MICRO_KERNEL_INL_H_
#else
#define MINIRAY_MICRO_KERNEL_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The tile that fills the registers: two vectors of columns by as many rows as leave three
// registers for B and the broadcast. Twelve sums also hide the latency of a multiply-add.
template <class T>
struct TileSize {
  static constexpr bool kThirtyTwoRegisters =
      HWY_ARCH_ARM_A64 || (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3);
  static constexpr std::int64_t kRows = kThirtyTwoRegisters ? 12 : 6;
  static constexpr std::int64_t kLanes =
      static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  static constexpr std::int64_t kColumns = 2 * kLanes;
};

enum class Store { kOverwrite, kAdd };

// tile[kRows x kColumns] = or += a[kRows, k] . panel[k, kColumns]
template <class T, int kRows>
HWY_INLINE void multiply_rows(std::int64_t k, const T* HWY_RESTRICT a, std::int64_t a_stride,
                              const T* HWY_RESTRICT panel, Store store, T* HWY_RESTRICT tile,
                              std::int64_t tile_stride = 2 * TileSize<T>::kLanes) {
  constexpr std::int64_t kLanes = TileSize<T>::kLanes;
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sums[kRows][2];
  for (int r = 0; r < kRows; ++r) {
    sums[r][0] = hn::Zero(d);
    sums[r][1] = hn::Zero(d);
  }
  for (std::int64_t p = 0; p < k; ++p) {
    const auto b0 = hn::Load(d, panel + p * 2 * kLanes);
    const auto b1 = hn::Load(d, panel + p * 2 * kLanes + kLanes);
    HWY_UNROLL(12)
    for (int r = 0; r < kRows; ++r) {
      const auto broadcast = hn::Set(d, a[r * a_stride + p]);
      sums[r][0] = hn::MulAdd(broadcast, b0, sums[r][0]);
      sums[r][1] = hn::MulAdd(broadcast, b1, sums[r][1]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    T* const to = tile + r * tile_stride;
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
HWY_INLINE void multiply_tile(std::int64_t rows, std::int64_t k, const T* a, std::int64_t a_stride,
                              const T* panel, Store store, T* tile,
                              std::int64_t tile_stride = 2 * TileSize<T>::kLanes) {
  if (rows == kRows)
    return multiply_rows<T, kRows>(k, a, a_stride, panel, store, tile, tile_stride);
  if constexpr (kRows > 1) {
    multiply_tile<T, kRows - 1>(rows, k, a, a_stride, panel, store, tile, tile_stride);
  }
}

// Calls body(first row, rows) for tiles of nearly equal height: a last one of two rows would leave
// most of the multipliers idle.
template <class T, class Body>
HWY_INLINE void for_each_row_tile(std::int64_t rows, Body body) {
  for (std::int64_t first = 0; first < rows;) {
    const std::int64_t rest = rows - first;
    const std::int64_t tiles = (rest + TileSize<T>::kRows - 1) / TileSize<T>::kRows;
    const std::int64_t height = (rest + tiles - 1) / tiles;
    body(first, height);
    first += height;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
