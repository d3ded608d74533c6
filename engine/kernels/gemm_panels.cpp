#include "engine/kernels/gemm_panels.h"

#include <algorithm>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/gemm_panels.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/panel_products-inl.h"
#include "engine/kernels/transpose_meanwhile-inl.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

template <class T>
constexpr std::int64_t kMaxWidth = PanelKernels<T>::kMaxWidth;

template <class T>
void pack_rows(std::int64_t rows, std::int64_t k, const T* x, std::int64_t first, T* panel) {
  const std::int64_t present = std::min(kColumns<T>, rows - first);
  if (present < kColumns<T>) std::fill_n(panel, k * kColumns<T>, T{0});
  transpose(present, k, x + first * k, k, panel, kColumns<T>);
}

template <class T>
void nt_piece(const GemmShape& shape, const T* a_panels, const T* b, const T* bias, T* c,
              std::int64_t m0, std::int64_t n0, std::int64_t width) {
  nt_piece_by(shape, a_panels, b, bias, c, m0, n0, width,
              [](auto... arguments) HWY_ATTR { rows_times_panels<T>(arguments...); });
}

// A panel of weights is laid out while the one before it is multiplied, unless registers are so few
// that sums would have to make room for it.
template <class T>
constexpr bool kMeanwhile = TileSize<T>::kThirtyTwoRegisters;

// A block of k, at k0, of nt_weight_panel. A function for each Finish: two kinds of tiles in one
// are more than GCC finds registers for (10% of a small product).
template <class T, class Finish>
HWY_INLINE void rows_times_weights(const GemmShape& shape, const T* a, const T* b_panel, T* c,
                                   std::int64_t samples, std::int64_t columns, std::int64_t k0,
                                   Finish finish, TransposeMeanwhile<T>& next) {
  const std::int64_t n = shape.n, k = shape.k;
  const auto multiply = [&](auto between) HWY_ATTR {
    for_each_row_tile<T>(samples, [&](std::int64_t row, std::int64_t rows) HWY_ATTR {
      multiply_into(rows, columns, std::min(kDepth<T>, k - k0), InRows<T>{a + row * k + k0, k},
                    PackedPanel<T>{b_panel + k0 * kColumns<T>}, store_of_block(k0),
                    RowTile<T, Finish>{c + row * n, n, finish}, between);
    });
  };
  if constexpr (kMeanwhile<T>) {
    multiply(Meanwhile<TransposeMeanwhile<T>>{next});
  } else {
    multiply(Nothing());
  }
}

// A panel of columns of c, from n0 on: samples are broadcast, the weights, transposed, are the
// columns. Meanwhile the next panel is laid out.
template <class T>
void nt_weight_panel(const GemmShape& shape, const T* a, const T* b_panel, const T* bias, T* c,
                     std::int64_t m0, std::int64_t n0, TransposeMeanwhile<T>& next) {
  const auto [m, n, k] = shape;
  const std::int64_t samples = std::min(PanelKernels<T>::kSampleRows, m - m0);
  const std::int64_t columns = std::min(kColumns<T>, n - n0);
  HWY_ALIGN T whole_bias[kColumns<T>] = {};
  if (bias != nullptr) std::copy_n(bias + n0, columns, whole_bias);
  const T* const x = a + m0 * k;
  T* const y = c + m0 * n + n0;
  for (std::int64_t k0 = 0; k0 < k; k0 += kDepth<T>) {
    if (bias != nullptr && k0 + kDepth<T> >= k) {
      rows_times_weights(shape, x, b_panel, y, samples, columns, k0, PlusBias<T>{whole_bias}, next);
    } else {
      rows_times_weights(shape, x, b_panel, y, samples, columns, k0, AsItStands(), next);
    }
  }
  next.finish();
}

template <class T>
void nt_weights_piece(const GemmShape& shape, const T* a, const T* w, Layout layout,
                      PackRows<T> pack, const T* bias, T* panels, T* c, std::int64_t m0,
                      std::int64_t n0, std::int64_t width) {
  const std::int64_t k = shape.k, end = n0 + width;
  const bool meanwhile = kMeanwhile<T> && k % kTransposeSide<T> == 0;
  T *panel = panels, *other = panels + k * kColumns<T>;
  pack(shape.n, k, w, n0, panel);
  for (std::int64_t column = n0; column < end; column += kColumns<T>) {
    const std::int64_t next = column + kColumns<T>;
    const bool in_between = meanwhile && next + kColumns<T> <= end;
    TransposeMeanwhile<T> transpose;
    if (in_between) transpose = {shape.n, k, w, layout, next, kColumns<T>, other, kColumns<T>};
    nt_weight_panel(shape, a, panel, bias, c, m0, column, transpose);
    if (!in_between && next < end) pack(shape.n, k, w, next, other);
    std::swap(panel, other);
  }
}

// Samples are broadcast, the weights b are the columns. They are copied first, a block of k at a
// time, since rows a multiple of 4 kB apart push each other out of the caches; every sample of the
// piece then uses the copy.
template <class T>
void nn_piece(const GemmShape& shape, const T* a, const T* b, T* c, std::int64_t m0,
              std::int64_t n0, std::int64_t width) {
  constexpr std::int64_t kSampleRows = PanelKernels<T>::kSampleRows;
  HWY_ALIGN T panels[kDepth<T> * kMaxWidth<T>];
  const auto [m, n, k] = shape;
  const std::int64_t samples = std::min(kSampleRows, m - m0);
  for (std::int64_t k0 = 0; k0 < k; k0 += kDepth<T>) {
    const std::int64_t depth = std::min(kDepth<T>, k - k0);
    copy_columns(depth, width, b + k0 * n + n0, n, panels);
    for (std::int64_t column = 0; column < width; column += kColumns<T>) {
      for_each_row_tile<T>(samples, [&](std::int64_t row, std::int64_t rows) HWY_ATTR {
        multiply_into(rows, std::min(kColumns<T>, width - column), depth,
                      InRows<T>{a + (m0 + row) * k + k0, k},
                      PackedPanel<T>{panels + column * depth}, store_of_block(k0),
                      RowTile<T>{c + (m0 + row) * n + n0 + column, n});
      });
    }
  }
}

template <class T>
void pack_columns(const GemmShape& shape, const T* b, std::int64_t n0, std::int64_t width,
                  T* panels) {
  copy_columns(shape.k, width, b + n0, shape.n, panels);
}

// A panel whose lanes are the rows of interleaved tiles of one height, a vector for each; the lanes
// past them hold anything.
template <class T>
struct RowsAsLanes {
  const T* HWY_RESTRICT first;
  std::int64_t height;
  std::int64_t tile_stride;

  template <class D>
  HWY_INLINE hn::Vec<D> load(D d, std::int64_t p, int v) const {
    return hn::LoadU(d, first + v * tile_stride + p * height);
  }
};

// kTiles tiles of rows of tn_add_few_columns, from `row` on.
template <class T, int kTiles>
HWY_INLINE void add_few_columns(std::int64_t row, std::int64_t height, std::int64_t columns,
                                std::int64_t depth, const T* a_tiles, const T* panel, T* c,
                                std::int64_t stride) {
  constexpr std::int64_t kLanes = TileSize<T>::kLanes, kRow = kTiles * kLanes;
  HWY_ALIGN T sums[TileSize<T>::kRows * kRow];  // [column][tile][kLanes]
  multiply_tile<T, kTiles>(columns, depth, InColumns<T>{panel, kColumns<T>},
                           RowsAsLanes<T>{a_tiles + row * depth, height, height * depth},
                           Store::kOverwrite, RowTile<T>{sums, kRow});
  for (std::int64_t tile = 0; tile < kTiles; ++tile) {
    for (std::int64_t r = 0; r < height; ++r) {
      T* const to = c + (row + tile * height + r) * stride;
      for (std::int64_t i = 0; i < columns; ++i) to[i] += sums[i * kRow + tile * kLanes + r];
    }
  }
}

// The last few columns of a piece of a gradient, which would leave most lanes of a panel empty: so
// they are broadcast, and rows are the lanes. Two tiles at once, since a few sums alone would wait
// for each other.
template <class T>
void tn_add_few_columns(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                        const T* a_tiles, const T* panel, T* c, std::int64_t stride) {
  for (std::int64_t row = 0; row < rows;) {
    const std::int64_t rest = rows - row, height = row_tile_height<T>(rest);
    if (rest > height && row_tile_height<T>(rest - height) == height) {
      add_few_columns<T, 2>(row, height, columns, depth, a_tiles, panel, c, stride);
      row += 2 * height;
    } else {
      add_few_columns<T, 1>(row, height, columns, depth, a_tiles, panel, c, stride);
      row += height;
    }
  }
}

// a, interleaved, is broadcast; b's panels are the columns.
template <class T>
void tn_add_piece(const GemmShape& shape, const T* a, const T* panels, T* c, std::int64_t m0,
                  std::int64_t rows) {
  constexpr std::int64_t kLanes = TileSize<T>::kLanes;
  // Where a vector holds the rows of a tile.
  constexpr std::int64_t kFewColumns = TileSize<T>::kRows <= kLanes ? kLanes / 2 : 0;
  HWY_ALIGN T a_tiles[PanelKernels<T>::kGradientRows * kDepth<T> + kLanes];
  const auto [m, n, k] = shape;
  for (std::int64_t k0 = 0; k0 < k; k0 += kDepth<T>) {
    const std::int64_t depth = std::min(kDepth<T>, k - k0);
    interleave_tiles<PanelKernels<T>::kGradientRows>(depth, rows, m, a + k0 * m + m0, a_tiles);
    for (std::int64_t column = 0; column < n; column += kColumns<T>) {
      const std::int64_t columns = std::min(kColumns<T>, n - column);
      const T* const panel = panels + column * k + k0 * kColumns<T>;
      if constexpr (kFewColumns > 0) {
        if (columns <= kFewColumns) {
          tn_add_few_columns(rows, columns, depth, a_tiles, panel, c + m0 * n + column, n);
          continue;
        }
      }
      for_each_row_tile<T>(rows, [&](std::int64_t row, std::int64_t height) HWY_ATTR {
        T* const tile = c + (m0 + row) * n + column;
        for (std::int64_t r = 0; r < height; ++r) {
          hwy::Prefetch(tile + r * n);
          hwy::Prefetch(tile + r * n + kLanes);
        }
        multiply_into(height, columns, depth, Interleaved<T>{a_tiles + row * depth},
                      PackedPanel<T>{panel}, Store::kAdd, RowTile<T>{tile, n});
      });
    }
  }
}

template <class T>
constexpr PanelKernels<T> kPanelKernels = {
    .columns = kColumns<T>,
    .pack_rows = pack_rows<T>,
    .nt_piece = nt_piece<T>,
    .nt_weights_piece = nt_weights_piece<T>,
    .nn_piece = nn_piece<T>,
    .pack_columns = pack_columns<T>,
    .tn_add_piece = tn_add_piece<T>,
};

const PanelKernels<float>* panel_kernels_float() { return &kPanelKernels<float>; }
const PanelKernels<double>* panel_kernels_double() { return &kPanelKernels<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(panel_kernels_float);
HWY_EXPORT(panel_kernels_double);

template <>
const PanelKernels<float>& panel_kernels() {
  return *HWY_DYNAMIC_DISPATCH(panel_kernels_float)();
}
template <>
const PanelKernels<double>& panel_kernels() {
  return *HWY_DYNAMIC_DISPATCH(panel_kernels_double)();
}

}  // namespace miniray
#endif
