// What the pieces of gemm_panels.cpp, gemm_blocks.cpp and dense_chain.cpp share, for the SIMD
// target that is being compiled.
#if defined(MINIRAY_PANEL_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_PANEL_PRODUCTS_INL_H_
#undef MINIRAY_PANEL_PRODUCTS_INL_H_
#else
#define MINIRAY_PANEL_PRODUCTS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "engine/kernels/ahead-inl.h"
#include "engine/kernels/gemm_panels.h"
#include "engine/kernels/interleave-inl.h"
#include "engine/kernels/layout.h"
#include "engine/kernels/micro_kernel-inl.h"
#include "engine/kernels/simd-inl.h"
#include "engine/kernels/transpose-inl.h"
#include "engine/kernels/turn_meanwhile-inl.h"
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

// What the pieces behind [n0, n0 + width) x [k0, k0 + kDepth) of weights in blocks will read: the
// next block of k, or the first one of the next rows, which the same thread makes next. 16 columns
// lie together, but the ones behind them far away, where no processor looks ahead by itself.
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

// A block of k, at k0, of rows_times_panels and blocks_times_panels, for the panels of samples
// [begin, end); weights(row): w's operand.
template <class T, class Weights, class Finished, class Between = Nothing>
HWY_INLINE void weights_times_panels(const GemmShape& shape, const T* x_panels, std::int64_t begin,
                                     std::int64_t end, std::int64_t k0, std::int64_t width, T* y,
                                     std::int64_t panel_stride, Weights weights, Finished finished,
                                     Between between = {}) {
  const std::int64_t depth = std::min(kDepth<T>, shape.k - k0);
  for (std::int64_t s = begin; s < end; s += kColumns<T>) {
    const PackedPanel<T> panel{x_panels + s * shape.k + k0 * kColumns<T>};
    T* const to = y + s / kColumns<T> * panel_stride;
    for_each_row_tile<T>(width, [&](std::int64_t row, std::int64_t rows) HWY_ATTR {
      multiply_tile<T>(rows, depth, weights(row), panel, store_of_block(k0),
                       RowTile<T>{to + row * kColumns<T>, kColumns<T>}, between);
    });
    if (k0 + depth == shape.k) finished(s);
  }
}

// Rows [n0, n0 + width) of w[n, k] . x[m, k]^T: the weights are broadcast where they lie, row by
// row, and samples are the columns of the tile. So each weight is read once for all samples, and
// never copied. x_panels: x by pack_rows; panel i of the result goes to y + i * panel_stride, and
// finished(its first sample) is called then.
template <class T, class Finished, class Between = Nothing>
HWY_INLINE void rows_times_panels(const GemmShape& shape, const T* x_panels, const T* w,
                                  std::int64_t n0, std::int64_t width, T* y,
                                  std::int64_t panel_stride, Finished finished,
                                  Between between = {}) {
  const std::int64_t k = shape.k;
  for (std::int64_t k0 = 0; k0 < k; k0 += kDepth<T>) {
    weights_times_panels(
        shape, x_panels, 0, shape.m, k0, width, y, panel_stride,
        [&](std::int64_t row) HWY_ATTR {
          return InRows<T>{w + (n0 + row) * k + k0, k};
        },
        finished, between);
  }
}

// Weights are asked for between the steps, and something else is done besides.
template <class Between>
struct Asking {
  Ahead& ahead;
  Between between;
  HWY_INLINE void operator()() const {
    ahead.ask();
    between();
  }
};

// The same of weights in blocks.
template <class T, class Finished, class Between = Nothing>
HWY_INLINE void blocks_times_panels(const GemmShape& shape, const T* x_panels, const T* w,
                                    std::int64_t n0, std::int64_t width, T* y,
                                    std::int64_t panel_stride, Finished finished,
                                    Between between = {}) {
  // Smaller weights, where it would cost 2%, are in the second cache still.
  constexpr std::int64_t kLarge = std::int64_t{1} << 16;
  // What is asked for earlier leaves the second cache again before it is used.
  constexpr std::int64_t kAskingSamples = 128;
  const std::int64_t n = shape.n;
  const std::int64_t silent =
      n * shape.k > kLarge ? std::max<std::int64_t>(0, shape.m - kAskingSamples) : shape.m;
  for (std::int64_t k0 = 0; k0 < shape.k; k0 += kDepth<T>) {
    const auto weights = [&](std::int64_t row) HWY_ATTR {
      return InBlocks<T>{w + block_offset(n, n0 + row, k0), n * kBlockColumns};
    };
    weights_times_panels(shape, x_panels, 0, silent, k0, width, y, panel_stride, weights, finished,
                         between);
    if (silent == shape.m) continue;
    Ahead ahead = weights_ahead(shape, w, k0, n0, width);
    weights_times_panels(shape, x_panels, silent, shape.m, k0, width, y, panel_stride, weights,
                         finished, Asking<Between>{ahead, between});
  }
}

// A piece of c[m, n] = a . b^T + bias by one of these, `times_panels`. A panel of sums is turned
// while the next one is multiplied.
template <class T, class TimesPanels>
HWY_INLINE void nt_piece_by(const GemmShape& shape, const T* a_panels, const T* b, const T* bias,
                            T* c, std::int64_t m0, std::int64_t n0, std::int64_t width,
                            TimesPanels times_panels) {
  constexpr std::int64_t kSampleRows = PanelKernels<T>::kSampleRows;
  constexpr std::int64_t kPanelStride = PanelKernels<T>::kMaxWeightRows * kColumns<T>;
  HWY_ALIGN T sums[kSampleRows / kColumns<T> * kPanelStride];  // [panel][weight row][kColumns]
  const std::int64_t samples = std::min(kSampleRows, shape.m - m0);
  TurnMeanwhile<T> turning(width, bias == nullptr ? nullptr : bias + n0, shape.n);
  const auto turn = [&](std::int64_t s) HWY_ATTR {
    turning.begin(std::min(kColumns<T>, samples - s), sums + s / kColumns<T> * kPanelStride,
                  c + (m0 + s) * shape.n + n0);
  };
  times_panels(GemmShape{samples, shape.n, shape.k}, a_panels + m0 * shape.k, b, n0, width, sums,
               kPanelStride, turn, Meanwhile<TurnMeanwhile<T>>{turning});
  turning.finish();
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

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
