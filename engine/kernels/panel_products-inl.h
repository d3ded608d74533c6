// What the pieces of gemm_panels.cpp and gemm_blocks.cpp share, for the SIMD target that is being
// compiled.
#if defined(MINIRAY_PANEL_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_PANEL_PRODUCTS_INL_H_
#undef MINIRAY_PANEL_PRODUCTS_INL_H_
#else
#define MINIRAY_PANEL_PRODUCTS_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engine/kernels/ahead-inl.h"
#include "engine/kernels/gemm_panels.h"
#include "engine/kernels/layout.h"
#include "engine/kernels/micro_kernel-inl.h"
#include "engine/kernels/simd-inl.h"
#include "engine/kernels/transpose-inl.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

template <class T>
constexpr std::int64_t kColumns = TileSize<T>::kColumns;
template <class T>
constexpr std::int64_t kDepth = PanelKernels<T>::kDepth;

constexpr Store store_of_block(std::int64_t k0) {
  return k0 == 0 ? Store::kOverwrite : Store::kAdd;
}

// c[rows, width] += bias[width]
template <class T>
HWY_INLINE void add_bias(std::int64_t rows, std::int64_t width, const T* bias, T* c,
                         std::int64_t stride) {
  if (bias == nullptr) return;
  for (std::int64_t row = 0; row < rows; ++row) {
    map2(static_cast<std::size_t>(width), c + row * stride, bias, c + row * stride,
         [](auto x, auto y) HWY_ATTR { return hn::Add(x, y); });
  }
}

// Elements of weights above which it pays to ask for them: smaller ones are in the caches still,
// and asking costs 2%.
inline constexpr std::int64_t kLargeWeights = std::int64_t{1} << 20;

// What the pieces behind [n0, n0 + width) x [k0, k0 + kDepth) will read: the next block of k, or
// the first one of the next rows, which the same thread makes next. 16 columns lie together, but
// the ones behind them far away, where no processor looks ahead by itself.
template <class T>
HWY_INLINE Ahead weights_ahead(const GemmShape& shape, const T* w, std::int64_t k0, std::int64_t n0,
                               std::int64_t width) {
  const bool last = k0 + kDepth<T> >= shape.k;
  const std::int64_t column = last ? 0 : k0 + kDepth<T>;
  const std::int64_t row = last ? n0 + width : n0;
  const std::int64_t rows = std::min(width, shape.n - row);
  const std::int64_t columns = rows == 0 ? 0 : std::min(kDepth<T>, shape.k - column);
  return Ahead(w + block_offset(shape.n, row, column), columns / kBlockColumns,
               rows * kBlockColumns, shape.n * kBlockColumns);
}

// A piece of c = a . b^T + bias with the weights b broadcast where they lie, row by row, and
// samples as the columns of the tile: so each weight is read once for all samples of the piece, and
// never copied. The tile comes out transposed. weights(k0, row): b's operand from there on;
// ahead(k0): the memory to ask for while that block is used, or Nothing.
template <class T, class Weights, class AheadOf>
HWY_INLINE void broadcast_weights(const GemmShape& shape, const T* a_panels, const T* bias, T* c,
                                  std::int64_t m0, std::int64_t n0, std::int64_t width,
                                  Weights weights, AheadOf ahead_of) {
  constexpr std::int64_t kWeightRows = PanelKernels<T>::kMaxWeightRows;
  constexpr std::int64_t kSampleRows = PanelKernels<T>::kSampleRows;
  HWY_ALIGN T sums[kSampleRows * kWeightRows];  // [panel][weight row][kColumns]
  const std::int64_t k = shape.k;
  const std::int64_t samples = std::min(kSampleRows, shape.m - m0);
  for (std::int64_t k0 = 0; k0 < k; k0 += kDepth<T>) {
    const std::int64_t depth = std::min(kDepth<T>, k - k0);
    auto ahead = ahead_of(k0);
    const auto multiply = [&](std::int64_t rows, auto operand, auto panel, auto to) HWY_ATTR {
      if constexpr (std::is_same_v<decltype(ahead), Nothing>) {
        multiply_tile<T>(rows, depth, operand, panel, store_of_block(k0), to);
      } else {
        multiply_tile<T>(rows, depth, operand, panel, store_of_block(k0), to,
                         [&]() HWY_ATTR { ahead.ask(); });
      }
    };
    for (std::int64_t s = 0; s < samples; s += kColumns<T>) {
      const PackedPanel<T> panel{a_panels + (m0 + s) * k + k0 * kColumns<T>};
      for_each_row_tile<T>(width, [&](std::int64_t row, std::int64_t rows) HWY_ATTR {
        T* const to = sums + s * kWeightRows + row * kColumns<T>;
        multiply(rows, weights(k0, n0 + row), panel, RowTile<T>{to, kColumns<T>});
      });
    }
  }
  for (std::int64_t s = 0; s < samples; s += kColumns<T>) {
    const std::int64_t columns = std::min(kColumns<T>, samples - s);
    T* const out = c + (m0 + s) * shape.n + n0;
    transpose(width, columns, sums + s * kWeightRows, kColumns<T>, out, shape.n);
    add_bias(columns, width, bias == nullptr ? nullptr : bias + n0, out, shape.n);
  }
}

// Panels of columns [0, width) of x, k rows of a matrix `stride` wide, panel by panel; zeros past
// the last column. Row by row over all panels, since that is how memory delivers.
template <class T>
HWY_INLINE void copy_columns(std::int64_t k, std::int64_t width, const T* HWY_RESTRICT x,
                             std::int64_t stride, T* HWY_RESTRICT panels) {
  constexpr std::int64_t kLanes = TileSize<T>::kLanes;
  constexpr std::int64_t kRowsAhead = 6;
  const hn::ScalableTag<T> d;
  const std::int64_t whole = width / kColumns<T> * kColumns<T>;
  for (std::int64_t p = 0; p < k; ++p) {
    const T* const row = x + p * stride;
    for (std::int64_t column = 0; column < whole; column += kColumns<T>) {
      T* const to = panels + column * k + p * kColumns<T>;
      hwy::Prefetch(row + kRowsAhead * stride + column);
      hn::Store(hn::LoadU(d, row + column), d, to);
      hn::Store(hn::LoadU(d, row + column + kLanes), d, to + kLanes);
    }
    if (whole == width) continue;
    T* const to = panels + whole * k + p * kColumns<T>;
    for (std::int64_t i = 0; i < kColumns<T>; i += kLanes) {
      const std::int64_t rest = std::clamp<std::int64_t>(width - whole - i, 0, kLanes);
      hn::Store(load_first(d, row + whole + i, static_cast<std::size_t>(rest)), d, to + i);
    }
  }
}

// Columns [0, rows) of a[k, ...], interleaved tile by tile: tile `row` begins row * k numbers
// behind.
template <class T>
HWY_INLINE void interleave_tiles(std::int64_t k, std::int64_t rows, std::int64_t stride, const T* a,
                                 T* to) {
  for_each_row_tile<T>(rows, [&](std::int64_t row, std::int64_t height) HWY_ATTR {
    interleave(height, k, a + row, stride, to + row * k);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
