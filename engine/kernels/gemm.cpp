#include "engine/kernels/gemm.h"

#include <algorithm>

#include "engine/kernels/gemm_blas.h"
#include "engine/kernels/gemm_blocks.h"
#include "engine/kernels/gemm_panels.h"
#include "engine/kernels/gemm_vector.h"
#include "engine/kernels/scratch.h"

namespace miniray {
namespace {

std::int64_t pieces(std::int64_t extent, std::int64_t size) { return (extent + size - 1) / size; }

// An extent of 16 equal pieces, so that as many cores have work, but none above `most`, since a
// piece must fit the caches; whole panels, and multiples of 8 as tiles are.
template <class T>
std::int64_t piece_size(std::int64_t extent, std::int64_t most) {
  const std::int64_t unit = std::max<std::int64_t>(panel_kernels<T>().columns, 8);
  return std::min(pieces(pieces(extent, 16), unit) * unit, most);
}

template <class T>
T* scratch(const ThreadBudget& threads, std::int64_t elements) {
  return reinterpret_cast<T*>(threads.scratch(static_cast<std::size_t>(elements) * sizeof(T)));
}

// Calls body(tile) for each piece of a matrix.
template <class Body>
void for_each_piece(const ThreadBudget& threads, std::int64_t rows, std::int64_t row_size,
                    std::int64_t columns, std::int64_t column_size, Body body) {
  const std::int64_t row_pieces = pieces(rows, row_size);
  threads.for_each_tile(row_pieces * pieces(columns, column_size), [&](std::int64_t piece) {
    const std::int64_t row = piece % row_pieces * row_size;
    const std::int64_t column = piece / row_pieces * column_size;
    body(
        Tile{row, std::min(row_size, rows - row), column, std::min(column_size, columns - column)});
  });
}

// Calls body(first row, rows, panels of b) for each piece of a gradient in rows.
template <class T, class Body>
void for_each_gradient_piece(const ThreadBudget& threads, const GemmShape& shape,
                             std::span<const T> b, Body body) {
  constexpr std::int64_t kWidth = 128;  // whole panels, of all targets
  const PanelKernels<T>& kernels = panel_kernels<T>();
  const std::int64_t panels_size = pieces(shape.n, kWidth) * kWidth * shape.k;
  T* const panels = scratch<T>(threads, panels_size);
  for_each_range(threads, shape.n, kWidth, [&](std::int64_t n0, std::int64_t width) {
    kernels.pack_columns(shape, b.data(), n0, width, panels + n0 * shape.k);
  });
  for_each_range(threads, shape.m, piece_size<T>(shape.m, PanelKernels<T>::kGradientRows),
                 [&](std::int64_t m0, std::int64_t rows) { body(m0, rows, panels); });
}

// Calls body(first column, columns, tiles of a, a panel's numbers to work in) for each piece of a
// gradient in blocks.
template <class T, class Body>
void for_each_gradient_blocks(const ThreadBudget& threads, const GemmShape& shape,
                              std::span<const T> a, Body body) {
  const std::int64_t panel_size = panel_kernels<T>().columns * shape.k;
  ScratchLayout layout;
  const std::size_t tiles_at = layout.add<T>(shape.m * shape.k);
  const std::size_t panels_at = layout.add<T>(threads.threads() * panel_size);
  std::byte* const memory = threads.scratch(layout.size());
  T* const a_tiles = reinterpret_cast<T*>(memory + tiles_at);
  T* const panels = reinterpret_cast<T*>(memory + panels_at);
  for_each_range(threads, shape.m, BlockKernels<T>::kTileRows,
                 [&](std::int64_t m0, std::int64_t rows) {
                   block_kernels<T>().interleave_gradient_rows(shape, a.data(), m0, rows, a_tiles);
                 });
  const std::int64_t width = piece_size<T>(shape.n, PanelKernels<T>::kMaxWidth);
  threads.for_each_tile_in_slot(pieces(shape.n, width), [&](std::int64_t piece, int slot) {
    const std::int64_t n0 = piece * width;
    body(n0, std::min(width, shape.n - n0), a_tiles, panels + slot * panel_size);
  });
}

// Rows of a product with a vector, `size` multiply-adds each, that one core makes sooner than it
// could wake another for half of them.
std::int64_t rows_of_vectors(std::int64_t size) {
  constexpr std::int64_t kMultiplyAdds = std::int64_t{1} << 16;
  return std::max<std::int64_t>(32, kMultiplyAdds / std::max<std::int64_t>(1, size));
}

// A gradient of one row; calls finished(first column, columns) for each piece.
template <class T, class Finished>
void add_gradient_row(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                      std::span<const T> b, T* c, Finished finished) {
  for_each_range(threads, shape.n, 256, [&](std::int64_t n0, std::int64_t width) {
    add_row_product(shape.k, width, shape.n, a.data(), b.data() + n0, c + n0);
    finished(n0, width);
  });
}

// y of one feature.
template <class T>
void one_column(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                std::span<const T> b, std::span<const T> bias, T* c, TileFunction finished) {
  for_each_range(threads, shape.m, rows_of_vectors(shape.k),
                 [&](std::int64_t m0, std::int64_t rows) {
                   dot_products(rows, shape.k, a.data() + m0 * shape.k, b.data(), c + m0);
                   if (!bias.empty()) {
                     for (std::int64_t i = m0; i < m0 + rows; ++i) c[i] += bias[0];
                   }
                   finished({m0, rows, 0, 1});
                 });
}

// Rows of x, by pack_rows, in scratch memory.
template <class T>
const T* pack_all_rows(const ThreadBudget& threads, std::int64_t rows, std::int64_t k,
                       std::span<const T> x, Layout layout) {
  const std::int64_t columns = panel_kernels<T>().columns;
  const auto pack_rows =
      layout == Layout::kRows ? panel_kernels<T>().pack_rows : block_kernels<T>().pack_rows;
  const std::int64_t panels = pieces(rows, columns);
  const std::int64_t panel_size = columns * k;
  T* const memory = scratch<T>(threads, panels * panel_size);
  threads.for_each_tile(panels, [&](std::int64_t i) {
    pack_rows(rows, k, x.data(), i * columns, memory + i * panel_size);
  });
  return memory;
}

// All of a, by interleave_rows, in scratch memory.
template <class T>
const T* interleave_all_rows(const ThreadBudget& threads, const GemmShape& shape,
                             std::span<const T> a) {
  constexpr std::int64_t kDepth = 128;
  T* const tiles = scratch<T>(threads, shape.m * shape.k);
  for_each_piece(threads, shape.m, PanelKernels<T>::kSampleRows, shape.k, kDepth,
                 [&](const Tile& part) {
                   block_kernels<T>().interleave_rows(shape, a.data(), part.row, part.rows,
                                                      part.column, part.columns, tiles);
                 });
  return tiles;
}

}  // namespace

// Our kernels measured faster for every shape of the training step (bench/report.sh prints the
// table), OpenBLAS where this program would have to run without vectors.
template <class T>
bool uses_blas(const ThreadBudget& threads) {
  if (threads.products() != ProductKernels::kAutomatic) {
    return threads.products() == ProductKernels::kBlas;
  }
  const bool one_lane = panel_kernels<T>().columns == 2;
  return one_lane;
}

template <class T>
void gemm_nt(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
             std::span<const T> b, std::span<const T> bias, std::span<T> c, TileFunction finished,
             Layout b_layout) {
  if (uses_blas<T>(threads))
    return blas::gemm_nt(threads, shape, a, b, bias, c, finished, b_layout);
  if (shape.n == 1) return one_column(threads, shape, a, b, bias, c.data(), finished);
  const auto [m, n, k] = shape;
  // Transposed are the samples and what comes of them; or the weights, if they are smaller than
  // that and stay in a core's cache.
  constexpr std::int64_t kSmallWeights = std::int64_t{1} << 17;
  const bool weight_panels = n * k <= kSmallWeights && n * k < m * (n + k);
  const T* const panels = weight_panels ? pack_all_rows(threads, n, k, b, b_layout)
                                        : pack_all_rows(threads, m, k, a, Layout::kRows);
  const auto nt_piece =
      b_layout == Layout::kRows ? panel_kernels<T>().nt_piece : block_kernels<T>().nt_piece;
  const std::int64_t width = piece_size<T>(n, PanelKernels<T>::kMaxWeightRows);
  const T* const bias_data = bias.empty() ? nullptr : bias.data();
  for_each_piece(threads, m, PanelKernels<T>::kSampleRows, n, width, [&](const Tile& tile) {
    if (weight_panels) {
      panel_kernels<T>().nt_weight_panels_piece(shape, a.data(), panels, bias_data, c.data(),
                                                tile.row, tile.column, tile.columns);
    } else {
      nt_piece(shape, panels, b.data(), bias_data, c.data(), tile.row, tile.column, tile.columns);
    }
    finished(tile);
  });
}

template <class T>
void gemm_nn(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
             std::span<const T> b, std::span<T> c, TileFunction finished, Layout b_layout) {
  if (uses_blas<T>(threads)) return blas::gemm_nn(threads, shape, a, b, c, finished, b_layout);
  if (shape.k == 1) {
    return for_each_range(
        threads, shape.m, rows_of_vectors(shape.n), [&](std::int64_t m0, std::int64_t rows) {
          outer_product(rows, shape.n, a.data() + m0, b.data(), c.data() + m0 * shape.n);
          finished({m0, rows, 0, shape.n});
        });
  }
  // Rows a multiple of 4 kB apart would push each other out of the first cache.
  constexpr auto kPage = static_cast<std::int64_t>(4096 / sizeof(T));
  const bool blocks = b_layout == Layout::kBlocks, interleaved = blocks && shape.k % kPage == 0;
  const T* const rows = interleaved ? interleave_all_rows(threads, shape, a) : a.data();
  const auto nn_piece = interleaved ? block_kernels<T>().nn_tiles_piece
                        : blocks    ? block_kernels<T>().nn_piece
                                    : panel_kernels<T>().nn_piece;
  const std::int64_t width = piece_size<T>(shape.n, PanelKernels<T>::kMaxWidth);
  for_each_piece(threads, shape.m, PanelKernels<T>::kSampleRows, shape.n, width,
                 [&](const Tile& tile) {
                   nn_piece(shape, rows, b.data(), c.data(), tile.row, tile.column, tile.columns);
                   finished(tile);
                 });
}

template <class T>
void gemm_tn_add(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                 std::span<const T> b, std::span<T> c, Layout c_layout) {
  if (uses_blas<T>(threads)) return blas::gemm_tn_add(threads, shape, a, b, c, c_layout);
  if (shape.m == 1) {
    return add_gradient_row(threads, shape, a, b, c.data(), [](std::int64_t, std::int64_t) {});
  }
  if (c_layout == Layout::kBlocks) {
    return for_each_gradient_blocks(
        threads, shape, a, [&](std::int64_t n0, std::int64_t width, const T* a_tiles, T* panel) {
          block_kernels<T>().tn_add_piece(shape, a_tiles, b.data(), panel, c.data(), n0, width);
        });
  }
  for_each_gradient_piece(
      threads, shape, b, [&](std::int64_t m0, std::int64_t rows, const T* panels) {
        panel_kernels<T>().tn_add_piece(shape, a.data(), panels, c.data(), m0, rows);
      });
}

template <class T>
void gemm_tn_adam(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                  std::span<const T> b, const AdamFactors<T>& factors, const AdamSpans<T>& spans) {
  if (uses_blas<T>(threads)) return blas::gemm_tn_adam(threads, shape, a, b, factors, spans);
  if (shape.m == 1) {
    T* const gradient = scratch<T>(threads, shape.n);
    std::fill_n(gradient, shape.n, T{0});
    return add_gradient_row(
        threads, shape, a, b, gradient, [&](std::int64_t n0, std::int64_t width) {
          adam_update(factors, part(spans, n0, width),
                      std::span<T>(gradient + n0, static_cast<std::size_t>(width)));
        });
  }
  const AdamTarget<T> target{factors, spans};
  for_each_gradient_blocks(
      threads, shape, a, [&](std::int64_t n0, std::int64_t width, const T* a_tiles, T* panel) {
        block_kernels<T>().tn_adam_piece(shape, a_tiles, b.data(), panel, target, n0, width);
      });
}

#define MINIRAY_GEMM(T)                                                                     \
  template bool uses_blas<T>(const ThreadBudget&);                                          \
  template void gemm_nt(const ThreadBudget&, const GemmShape&, std::span<const T>,          \
                        std::span<const T>, std::span<const T>, std::span<T>, TileFunction, \
                        Layout);                                                            \
  template void gemm_nn(const ThreadBudget&, const GemmShape&, std::span<const T>,          \
                        std::span<const T>, std::span<T>, TileFunction, Layout);            \
  template void gemm_tn_add(const ThreadBudget&, const GemmShape&, std::span<const T>,      \
                            std::span<const T>, std::span<T>, Layout);                      \
  template void gemm_tn_adam(const ThreadBudget&, const GemmShape&, std::span<const T>,     \
                             std::span<const T>, const AdamFactors<T>&, const AdamSpans<T>&);
MINIRAY_GEMM(float)
MINIRAY_GEMM(double)
#undef MINIRAY_GEMM

}  // namespace miniray
