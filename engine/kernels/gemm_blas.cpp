#include "engine/kernels/gemm_blas.h"

#include <algorithm>

#include "engine/kernels/blas_library.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/reduce.h"
#include "engine/span.h"

namespace miniray::blas {
namespace {

// A tile must outweigh what the BLAS spends on packing the operand that all tiles share.
constexpr std::int64_t kMinTileWork = std::int64_t{1} << 22;  // multiply-adds
constexpr std::int64_t kMaxTiles = 8;
constexpr std::int64_t kTileMultiple = 32;

// The width of the pieces that `extent` is cut into.
std::int64_t tile_width(std::int64_t extent, const GemmShape& shape) {
  const std::int64_t work = shape.m * shape.n * shape.k;
  const std::int64_t tiles = std::clamp<std::int64_t>(work / kMinTileWork, 1, kMaxTiles);
  const std::int64_t width = (extent + tiles - 1) / tiles;
  return (width + kTileMultiple - 1) / kTileMultiple * kTileMultiple;
}

template <class T>
struct Operand {
  CBLAS_TRANSPOSE transpose;
  const T* data;
  std::int64_t stride;
};

void blas_gemm(const GemmShape& s, Operand<float> a, Operand<float> b, float beta, float* c,
               std::int64_t stride) {
  blas_library().sgemm(CblasRowMajor, a.transpose, b.transpose, static_cast<int>(s.m),
                       static_cast<int>(s.n), static_cast<int>(s.k), 1.0F, a.data,
                       static_cast<int>(a.stride), b.data, static_cast<int>(b.stride), beta, c,
                       static_cast<int>(stride));
}

void blas_gemm(const GemmShape& s, Operand<double> a, Operand<double> b, double beta, double* c,
               std::int64_t stride) {
  blas_library().dgemm(CblasRowMajor, a.transpose, b.transpose, static_cast<int>(s.m),
                       static_cast<int>(s.n), static_cast<int>(s.k), 1.0, a.data,
                       static_cast<int>(a.stride), b.data, static_cast<int>(b.stride), beta, c,
                       static_cast<int>(stride));
}

template <class T>
std::span<T> scratch(const ThreadBudget& threads, std::int64_t elements) {
  const auto size = static_cast<std::size_t>(elements);
  return {reinterpret_cast<T*>(threads.scratch(size * sizeof(T))), size};
}

// w[rows, columns] in rows: itself, or a copy in scratch memory.
template <class T>
std::span<const T> in_rows(const ThreadBudget& threads, std::int64_t rows, std::int64_t columns,
                           std::span<const T> w, Layout layout) {
  if (layout == Layout::kRows) return w;
  const std::span<T> copy = scratch<T>(threads, rows * columns);
  blocks_to_rows(rows, columns, w, copy);
  return copy;
}

}  // namespace

template <class T>
void gemm_nt(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
             std::span<const T> b, std::span<const T> bias, std::span<T> c, TileFunction finished,
             Layout b_layout) {
  const auto [m, n, k] = shape;
  b = in_rows(threads, n, k, b, b_layout);
  for_each_range(threads, n, tile_width(n, shape), [&](std::int64_t begin, std::int64_t width) {
    T* const out = c.data() + begin;
    blas_gemm({m, width, k}, {CblasNoTrans, a.data(), k},
              Operand<T>{CblasTrans, b.data() + begin * k, k}, T{0}, out, n);
    if (!bias.empty()) reduce<T>().add_to_rows({m, width, n}, bias.data() + begin, out);
    finished({0, m, begin, width});
  });
}

template <class T>
void gemm_nn(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
             std::span<const T> b, std::span<T> c, TileFunction finished, Layout b_layout) {
  const auto [m, n, k] = shape;
  b = in_rows(threads, k, n, b, b_layout);
  for_each_range(threads, n, tile_width(n, shape), [&](std::int64_t begin, std::int64_t width) {
    blas_gemm({m, width, k}, {CblasNoTrans, a.data(), k},
              Operand<T>{CblasNoTrans, b.data() + begin, n}, T{0}, c.data() + begin, n);
    finished({0, m, begin, width});
  });
}

namespace {

// Columns [begin, begin + height) of a, transposed, times b: rows of the product, added to where
// beta is 1.
template <class T>
void tn_rows(const GemmShape& shape, std::int64_t begin, std::int64_t height, std::span<const T> a,
             std::span<const T> b, T beta, T* c) {
  blas_gemm({height, shape.n, shape.k}, {CblasTrans, a.data() + begin, shape.m},
            Operand<T>{CblasNoTrans, b.data(), shape.n}, beta, c, shape.n);
}

// The whole product in rows, then in blocks, in scratch memory; calls body(first, values) for each
// block of columns, `first` elements from the first.
template <class T, class Body>
void for_each_gradient_block(const ThreadBudget& threads, const GemmShape& shape,
                             std::span<const T> a, std::span<const T> b, Body body) {
  const auto [m, n, k] = shape;
  const std::int64_t size = m * n, block_size = m * kBlockColumns;
  const std::span<T> memory = scratch<T>(threads, 2 * size);
  const std::span<T> rows = part(memory, 0, size), blocks = part(memory, size, size);
  for_each_range(threads, m, tile_width(m, shape), [&](std::int64_t begin, std::int64_t height) {
    tn_rows(shape, begin, height, a, b, T{0}, rows.data() + begin * shape.n);
  });
  rows_to_blocks<T>(m, n, rows, blocks);
  for_each_range(threads, size, block_size, [&](std::int64_t first, std::int64_t count) {
    body(first, part(blocks, first, count));
  });
}

}  // namespace

template <class T>
void gemm_tn_add(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                 std::span<const T> b, std::span<T> c, Layout c_layout) {
  if (c_layout == Layout::kBlocks) {
    return for_each_gradient_block(
        threads, shape, a, b, [&](std::int64_t first, std::span<const T> values) {
          elementwise<T>().add_scaled(T{1}, values,
                                      part(c, first, static_cast<std::int64_t>(values.size())));
        });
  }
  for_each_range(threads, shape.m, tile_width(shape.m, shape),
                 [&](std::int64_t begin, std::int64_t height) {
                   tn_rows(shape, begin, height, a, b, T{1}, c.data() + begin * shape.n);
                 });
}

template <class T>
void gemm_tn_adam(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                  std::span<const T> b, const AdamFactors<T>& factors, const AdamSpans<T>& spans) {
  for_each_gradient_block(threads, shape, a, b, [&](std::int64_t first, std::span<T> values) {
    adam_update(factors, part(spans, first, static_cast<std::int64_t>(values.size())), values);
  });
}

#define MINIRAY_GEMM(T)                                                                     \
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

}  // namespace miniray::blas
