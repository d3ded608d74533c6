#include "engine/kernels/gemm_blocks.h"

#include <algorithm>
#include <cstdint>

#include "engine/kernels/gemm_panels.h"
#include "engine/kernels/layout.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/gemm_blocks.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/adam_tiles-inl.h"
#include "engine/kernels/interleave_meanwhile-inl.h"
#include "engine/kernels/panel_products-inl.h"
#include "engine/kernels/transpose-inl.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

// Names differ from those of gemm_panels.cpp: templates of one name are one function to a linker.
template <class T>
void pack_block_rows(std::int64_t rows, std::int64_t k, const T* w, std::int64_t first, T* panel) {
  const std::int64_t present = std::min(kColumns<T>, rows - first);
  if (present < kColumns<T>) std::fill_n(panel, k * kColumns<T>, T{0});
  // Two blocks in turns, 16 rows of each: a third faster than a block after the other.
  constexpr std::int64_t kRows = 16;
  for (std::int64_t pair = 0; pair < k; pair += 2 * kBlockColumns) {
    const std::int64_t end = std::min(pair + 2 * kBlockColumns, k);
    for (std::int64_t row = 0; row < present; row += kRows) {
      for (std::int64_t column = pair; column < end; column += kBlockColumns) {
        transpose(std::min(kRows, present - row), kBlockColumns,
                  w + block_offset(rows, first + row, column), kBlockColumns,
                  panel + column * kColumns<T> + row, kColumns<T>);
      }
    }
  }
}

template <class T>
void nt_blocks_piece(const GemmShape& shape, const T* a_panels, const T* w, const T* bias, T* c,
                     std::int64_t m0, std::int64_t n0, std::int64_t width) {
  nt_piece_by(shape, a_panels, w, bias, c, m0, n0, width,
              [](auto... arguments) HWY_ATTR { blocks_times_panels<T>(arguments...); });
}

// The tile that begins with `row` of a piece begins (m0 + row) * k numbers behind a_tiles.
template <class T>
void interleave_rows(const GemmShape& shape, const T* a, std::int64_t m0, std::int64_t rows,
                     std::int64_t k0, std::int64_t depth, T* a_tiles) {
  const std::int64_t k = shape.k;
  for_each_row_tile<T>(rows, [&](std::int64_t row, std::int64_t height) HWY_ATTR {
    interleave<TileSize<T>::kRows>(height, depth, a + (m0 + row) * k + k0, k,
                                   a_tiles + (m0 + row) * k + k0 * height);
  });
}

// operand(row, rows, k0): a's, of a tile of the piece.
template <class T, class OperandOf>
HWY_INLINE void weights_as_panels(const GemmShape& shape, const T* w, T* c, std::int64_t m0,
                                  std::int64_t n0, std::int64_t width, OperandOf operand) {
  const std::int64_t k = shape.k, stride = shape.n;
  const std::int64_t samples = std::min(PanelKernels<T>::kSampleRows, shape.m - m0);
  for (std::int64_t k0 = 0; k0 < k; k0 += kDepth<T>) {
    const std::int64_t depth = std::min(kDepth<T>, k - k0);
    for (std::int64_t column = n0; column < n0 + width; column += kColumns<T>) {
      const BlockPanel<T> panel{w + block_offset(k, k0, column), vector_stride<T>(k)};
      for_each_row_tile<T>(samples, [&](std::int64_t row, std::int64_t rows) HWY_ATTR {
        const auto a = operand(m0 + row, rows, k0);
        const RowTile<T> to{c + (m0 + row) * stride + column, stride};
        multiply_vectors<T>(rows, n0 + width - column, depth, a, panel, store_of_block(k0), to);
      });
    }
  }
}

template <class T>
void nn_blocks_piece(const GemmShape& shape, const T* a, const T* w, T* c, std::int64_t m0,
                     std::int64_t n0, std::int64_t width) {
  const std::int64_t k = shape.k;
  weights_as_panels(shape, w, c, m0, n0, width,
                    [&](std::int64_t row, std::int64_t, std::int64_t k0) HWY_ATTR {
                      return InRows<T>{a + row * k + k0, k};
                    });
}

template <class T>
void nn_tiles_piece(const GemmShape& shape, const T* a_tiles, const T* w, T* c, std::int64_t m0,
                    std::int64_t n0, std::int64_t width) {
  const std::int64_t k = shape.k;
  weights_as_panels(shape, w, c, m0, n0, width,
                    [&](std::int64_t row, std::int64_t rows, std::int64_t k0)
                        HWY_ATTR { return Interleaved<T>{a_tiles + row * k + k0 * rows}; });
}

template <class T>
void interleave_gradient_rows(const GemmShape& shape, const T* a, std::int64_t m0,
                              std::int64_t rows, T* a_tiles) {
  interleave_tiles<BlockKernels<T>::kTileRows>(shape.k, rows, shape.m, a + m0,
                                               a_tiles + m0 * shape.k);
}

// A tile of a gradient from the block of k at k0; only its first vector where the matrix ends
// there.
template <class T, class Between = Nothing>
HWY_INLINE void multiply_gradient(const GemmShape& shape, std::int64_t column, std::int64_t height,
                                  std::int64_t k0, const T* a_tile, const T* panel, Store store,
                                  BlockTile<T> to, Between between = {}) {
  const std::int64_t depth = std::min(kDepth<T>, shape.k - k0);
  const Interleaved<T> a{a_tile + k0 * height};
  const PackedPanel<T> b{panel + k0 * kColumns<T>};
  multiply_vectors<T>(height, shape.n - column, depth, a, b, store, to, between);
}

// Adds the tile to the gradient.
template <class T, class Between = Nothing>
HWY_INLINE void add_gradient_tile(const GemmShape& shape, std::int64_t row, std::int64_t height,
                                  std::int64_t column, const T* a_tiles, const T* panel, T* dw,
                                  Between between = {}) {
  const BlockTile<T> to{dw + block_offset(shape.m, row, column), vector_stride<T>(shape.m)};
  for (int r = 0; r < height; ++r) {
    hwy::Prefetch(to.at(r, 0));
    hwy::Prefetch(to.at(r, 1));
  }
  for (std::int64_t k0 = 0; k0 < shape.k; k0 += kDepth<T>) {
    multiply_gradient(shape, column, height, k0, a_tiles + row * shape.k, panel, Store::kAdd, to,
                      between);
  }
}

template <class T>
void tn_add_blocks_piece(const GemmShape& shape, const T* a_tiles, const T* b, T* panels, T* dw,
                         std::int64_t n0, std::int64_t width) {
  copy_columns(shape.k, width, b + n0, shape.n, panels);
  for_each_gradient_tile<T>(
      shape, panels, n0, width,
      [&](std::int64_t row, std::int64_t height, std::int64_t column, const T* panel)
          HWY_ATTR { add_gradient_tile(shape, row, height, column, a_tiles, panel, dw); });
}

// Each tile of a is interleaved while the one before it is multiplied by the first panel; before
// all of them, where there are no registers for that.
template <class T>
void tn_add_blocks_first_piece(const GemmShape& shape, const T* a, T* a_tiles, const T* b,
                               T* panels, T* dw, std::int64_t n0, std::int64_t width) {
  if constexpr (!TileSize<T>::kThirtyTwoRegisters) {
    constexpr std::int64_t kRows = BlockKernels<T>::kTileRows;
    for (std::int64_t m0 = 0; m0 < shape.m; m0 += kRows) {
      interleave_gradient_rows(shape, a, m0, std::min(kRows, shape.m - m0), a_tiles);
    }
    return tn_add_blocks_piece(shape, a_tiles, b, panels, dw, n0, width);
  }
  copy_columns(shape.k, width, b + n0, shape.n, panels);
  InterleaveMeanwhile<T> next(shape.k, shape.m, a, a_tiles);
  next.begin(0, gradient_tile_height<T>(shape, 0));
  for_each_gradient_tile<T>(
      shape, panels, n0, width,
      [&](std::int64_t row, std::int64_t height, std::int64_t column, const T* panel) HWY_ATTR {
        if (column == n0) {
          next.finish();
          if (row + height < shape.m) {
            next.begin(row + height, gradient_tile_height<T>(shape, row + height));
          }
        }
        add_gradient_tile(shape, row, height, column, a_tiles, panel, dw,
                          Meanwhile<InterleaveMeanwhile<T>>{next});
      });
}

// Adam takes each tile while the next one is summed; the rows of some tiles ahead are asked for.
template <class T>
void tn_adam_blocks_piece(const GemmShape& shape, const T* a_tiles, const T* b, T* panels,
                          const AdamTarget<T>& target, std::int64_t n0, std::int64_t width) {
  constexpr std::int64_t kLead = 96;  // rows
  AdamAhead<T> ahead(shape, target.spans, n0, width);
  AdamBehind<T> behind(shape, target);
  copy_columns(shape.k, width, b + n0, shape.n, panels);
  ahead.allow(kLead);
  for_each_gradient_tile<T>(
      shape, panels, n0, width,
      [&](std::int64_t row, std::int64_t height, std::int64_t column, const T* panel) HWY_ATTR {
        ahead.allow(height);
        const BlockTile<T> to{behind.room(), vector_stride<T>(height)};
        for (std::int64_t k0 = 0; k0 < shape.k; k0 += kDepth<T>) {
          multiply_gradient(shape, column, height, k0, a_tiles + row * shape.k, panel,
                            store_of_block(k0), to, AdamMeanwhile<T>{ahead, behind});
        }
        behind.take(row, height, column);
      });
  behind.finish();
}

template <class T>
constexpr BlockKernels<T> kBlockKernels = {
    .pack_rows = pack_block_rows<T>,
    .nt_piece = nt_blocks_piece<T>,
    .nn_piece = nn_blocks_piece<T>,
    .interleave_rows = interleave_rows<T>,
    .nn_tiles_piece = nn_tiles_piece<T>,
    .interleave_gradient_rows = interleave_gradient_rows<T>,
    .tn_add_piece = tn_add_blocks_piece<T>,
    .tn_add_first_piece = tn_add_blocks_first_piece<T>,
    .tn_adam_piece = tn_adam_blocks_piece<T>,
};

const BlockKernels<float>* block_kernels_float() { return &kBlockKernels<float>; }
const BlockKernels<double>* block_kernels_double() { return &kBlockKernels<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(block_kernels_float);
HWY_EXPORT(block_kernels_double);

template <>
const BlockKernels<float>& block_kernels() {
  return *HWY_DYNAMIC_DISPATCH(block_kernels_float)();
}
template <>
const BlockKernels<double>& block_kernels() {
  return *HWY_DYNAMIC_DISPATCH(block_kernels_double)();
}

}  // namespace miniray
#endif
