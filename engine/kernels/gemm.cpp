#include "engine/kernels/gemm.h"

#include <algorithm>

#include "engine/kernels/gemm_blas.h"
#include "engine/kernels/gemm_blocks.h"
#include "engine/kernels/gemm_panels.h"
#include "engine/kernels/gemm_vector.h"
#include "engine/kernels/laid_out.h"
#include "engine/kernels/scratch.h"

namespace miniray {
namespace {

std::int64_t pieces(std::int64_t extent, std::int64_t size) { return (extent + size - 1) / size; }

// An extent of 8 equal pieces, so that as many cores have work, but none above `most`, since a
// piece must fit the caches; whole panels, and multiples of 8 as tiles are. Twice as many pieces
// would read the other operand from the second cache, or from behind it, twice as often.
template <class T>
std::int64_t piece_size(std::int64_t extent, std::int64_t most) {
  const std::int64_t unit = std::max<std::int64_t>(panel_kernels<T>().columns, 8);
  return std::min(pieces(pieces(extent, 8), unit) * unit, most);
}

// Rows of so many numbers push each other out of the first cache, which finds room by the low 12
// bits of an address.
template <class T>
constexpr std::int64_t kPage = 4096 / static_cast<std::int64_t>(sizeof(T));

template <class T>
T* scratch(const ThreadBudget& threads, std::int64_t elements) {
  return reinterpret_cast<T*>(threads.scratch(static_cast<std::size_t>(elements) * sizeof(T)));
}

// Calls body(tile, slot) for each piece of a matrix.
template <class Body>
void for_each_piece(const ThreadBudget& threads, std::int64_t rows, std::int64_t row_size,
                    std::int64_t columns, std::int64_t column_size, Body body) {
  const std::int64_t row_pieces = pieces(rows, row_size);
  const std::int64_t column_pieces = pieces(columns, column_size);
  threads.for_each_tile_in_slot(row_pieces * column_pieces, [&](std::int64_t piece, int slot) {
    const std::int64_t row = piece % row_pieces * row_size;
    const std::int64_t column = piece / row_pieces * column_size;
    body(Tile{row, std::min(row_size, rows - row), column, std::min(column_size, columns - column)},
         slot);
  });
}

// Calls body(first row, rows, panels of b) for each piece of a gradient in rows.
template <class T, class Body>
void for_each_gradient_piece(const ThreadBudget& threads, const GemmShape& shape,
                             std::span<const T> b, Body body) {
  constexpr std::int64_t kWidth = 128;  // whole panels, of all targets
  const PanelKernels<T>& kernels = panel_kernels<T>();
  const std::int64_t parts = pieces(shape.n, kWidth);
  const LaidOutRoom<T> room(threads, parts * kWidth * shape.k);
  LaidOut panels(threads, room, scratch<T>(threads, room.size()), parts,
                 [&](std::int64_t part, T* to) {
                   const std::int64_t n0 = part * kWidth;
                   kernels.pack_columns(shape, b.data(), n0, std::min(kWidth, shape.n - n0),
                                        to + n0 * shape.k);
                 });
  constexpr std::int64_t kRows = PanelKernels<T>::kGradientRows;
  threads.for_each_tile_in_slot(pieces(shape.m, kRows), [&](std::int64_t piece, int slot) {
    const std::int64_t m0 = piece * kRows;
    body(m0, std::min(kRows, shape.m - m0), panels.of_slot(slot));
  });
}

// Columns of a piece of a gradient in blocks: as above, but no more than whose panels leave room
// for a group of tiles in a second cache, and no fewer than are worth reading the tiles again;
// whole panels, of all targets.
template <class T>
std::int64_t gradient_piece_size(const GemmShape& shape) {
  constexpr std::int64_t kMostNumbers = std::int64_t{1} << 17, kUnit = 32;
  const std::int64_t most = kMostNumbers / std::max<std::int64_t>(1, shape.k) / kUnit * kUnit;
  const std::int64_t least = shape.k <= 128 ? 2 * kUnit : kUnit;
  return std::max(least,
                  piece_size<T>(shape.n, std::clamp(most, kUnit, PanelKernels<T>::kMaxWidth)));
}

// Calls body(first column, columns, tiles of a, slot, memory for their panels of b) for each piece
// of a gradient in blocks.
template <class T, class Body>
void for_each_gradient_blocks(const ThreadBudget& threads, const GemmShape& shape,
                              std::span<const T> a, Body body) {
  constexpr std::int64_t kRows = BlockKernels<T>::kTileRows;
  const std::int64_t width = gradient_piece_size<T>(shape);
  const std::int64_t panels_size = width * shape.k;
  const LaidOutRoom<T> room(threads, shape.m * shape.k);
  ScratchLayout layout;
  const std::size_t tiles_at = layout.add<T>(room.size());
  const std::size_t panels_at = layout.add<T>(threads.threads() * panels_size);
  std::byte* const memory = threads.scratch(layout.size());
  LaidOut a_tiles(threads, room, reinterpret_cast<T*>(memory + tiles_at), pieces(shape.m, kRows),
                  [&](std::int64_t part, T* to) {
                    const std::int64_t m0 = part * kRows;
                    block_kernels<T>().interleave_gradient_rows(shape, a.data(), m0,
                                                                std::min(kRows, shape.m - m0), to);
                  });
  T* const panels = reinterpret_cast<T*>(memory + panels_at);
  threads.for_each_tile_in_slot(pieces(shape.n, width), [&](std::int64_t piece, int slot) {
    const std::int64_t n0 = piece * width;
    body(n0, std::min(width, shape.n - n0), a_tiles, slot, panels + slot * panels_size);
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

// gemm_nt of samples that are transposed, and weights that are broadcast.
template <class T>
void multiply_sample_panels(const ThreadBudget& threads, const GemmShape& shape,
                            std::span<const T> a, std::span<const T> b, const T* bias, T* c,
                            TileFunction finished, Layout b_layout) {
  const PanelKernels<T>& kernels = panel_kernels<T>();
  const auto nt_piece = b_layout == Layout::kRows ? kernels.nt_piece : block_kernels<T>().nt_piece;
  const std::int64_t parts = pieces(shape.m, kernels.columns);
  const std::int64_t panel_size = kernels.columns * shape.k;
  const LaidOutRoom<T> room(threads, parts * panel_size);
  LaidOut panels(threads, room, scratch<T>(threads, room.size()), parts,
                 [&](std::int64_t part, T* to) {
                   kernels.pack_rows(shape.m, shape.k, a.data(), part * kernels.columns,
                                     to + part * panel_size);
                 });
  const std::int64_t width = piece_size<T>(shape.n, PanelKernels<T>::kMaxWeightRows);
  for_each_piece(threads, shape.m, PanelKernels<T>::kSampleRows, shape.n, width,
                 [&](const Tile& tile, int slot) {
                   nt_piece(shape, panels.of_slot(slot), b.data(), bias, c, tile.row, tile.column,
                            tile.columns);
                   finished(tile);
                 });
}

// gemm_nt of samples that are broadcast and weights that are transposed, a panel while the one
// before it is multiplied: so pieces are as wide as leaves one for each thread.
template <class T>
void multiply_weight_panels(const ThreadBudget& threads, const GemmShape& shape,
                            std::span<const T> a, std::span<const T> b, const T* bias, T* c,
                            TileFunction finished, Layout b_layout) {
  constexpr std::int64_t kMostColumns = 256;  // whose results are still in the caches
  const PanelKernels<T>& kernels = panel_kernels<T>();
  const auto pack = b_layout == Layout::kRows ? kernels.pack_rows : block_kernels<T>().pack_rows;
  const std::int64_t room = 2 * kernels.columns * shape.k;
  T* const panels = scratch<T>(threads, threads.threads() * room);
  const std::int64_t share = pieces(pieces(shape.n, threads.threads()), kernels.columns);
  const std::int64_t width = std::min(share * kernels.columns, kMostColumns);
  for_each_piece(threads, shape.m, PanelKernels<T>::kSampleRows, shape.n, width,
                 [&](const Tile& tile, int slot) {
                   kernels.nt_weights_piece(shape, a.data(), b.data(), b_layout, pack, bias,
                                            panels + slot * room, c, tile.row, tile.column,
                                            tile.columns);
                   finished(tile);
                 });
}

// gemm_nn of samples whose rows are a multiple of kPage apart: interleaved by tiles.
template <class T>
void multiply_interleaved(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                          std::span<const T> b, T* c, TileFunction finished) {
  constexpr std::int64_t kRows = PanelKernels<T>::kSampleRows;
  const BlockKernels<T>& kernels = block_kernels<T>();
  const std::int64_t row_parts = pieces(shape.m, kRows);
  const LaidOutRoom<T> room(threads, shape.m * shape.k);
  const std::int64_t depth = room.is_shared() ? 128 : 512;  // of a part
  LaidOut tiles(threads, room, scratch<T>(threads, room.size()), row_parts * pieces(shape.k, depth),
                [&](std::int64_t part, T* to) {
                  const std::int64_t m0 = part % row_parts * kRows, k0 = part / row_parts * depth;
                  kernels.interleave_rows(shape, a.data(), m0, std::min(kRows, shape.m - m0), k0,
                                          std::min(depth, shape.k - k0), to);
                });
  const std::int64_t width = piece_size<T>(shape.n, PanelKernels<T>::kMaxWidth);
  for_each_piece(threads, shape.m, kRows, shape.n, width, [&](const Tile& tile, int slot) {
    kernels.nn_tiles_piece(shape, tiles.of_slot(slot), b.data(), c, tile.row, tile.column,
                           tile.columns);
    finished(tile);
  });
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
  const T* const bias_data = bias.empty() ? nullptr : bias.data();
  // Transposed are the samples and what comes of them; or the weights, by each piece of samples, if
  // they are fewer and the samples' rows can be broadcast where they lie.
  const std::int64_t weights = pieces(m, PanelKernels<T>::kSampleRows) * n * k;
  if (k % kPage<T> != 0 && weights < m * (n + k)) {
    return multiply_weight_panels(threads, shape, a, b, bias_data, c.data(), finished, b_layout);
  }
  multiply_sample_panels(threads, shape, a, b, bias_data, c.data(), finished, b_layout);
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
  const bool blocks = b_layout == Layout::kBlocks;
  if (blocks && shape.k % kPage<T> == 0) {
    return multiply_interleaved(threads, shape, a, b, c.data(), finished);
  }
  const auto nn_piece = blocks ? block_kernels<T>().nn_piece : panel_kernels<T>().nn_piece;
  const std::int64_t width = piece_size<T>(shape.n, PanelKernels<T>::kMaxWidth);
  for_each_piece(
      threads, shape.m, PanelKernels<T>::kSampleRows, shape.n, width, [&](const Tile& tile, int) {
        nn_piece(shape, a.data(), b.data(), c.data(), tile.row, tile.column, tile.columns);
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
        threads, shape, a,
        [&](std::int64_t n0, std::int64_t width, auto& a_tiles, int slot, T* panels) {
          const BlockKernels<T>& kernels = block_kernels<T>();
          if (T* const room = a_tiles.claim(slot)) {
            kernels.tn_add_first_piece(shape, a.data(), room, b.data(), panels, c.data(), n0,
                                       width);
          } else {
            kernels.tn_add_piece(shape, a_tiles.of(slot), b.data(), panels, c.data(), n0, width);
          }
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
      threads, shape, a,
      [&](std::int64_t n0, std::int64_t width, auto& a_tiles, int slot, T* panels) {
        block_kernels<T>().tn_adam_piece(shape, a_tiles.of_slot(slot), b.data(), panels, target, n0,
                                         width);
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
