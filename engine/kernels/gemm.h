// Matrix products, dense and row-major, but for weights, which may lie in blocks (layout.h): the
// results have the same bits. T is float or double.
//
// Each is cut into one fixed partition of tiles by its shape alone and spread over the threads;
// gemm_nt of few weights into as many columns of tiles as there are threads, since each of its
// elements has the same bits in any tile. So the bits do not depend on the number of threads.
// Inputs must not overlap the output. All use the scratch memory of the thread budget.
#pragma once

#include <cstdint>
#include <span>

#include "engine/kernels/adam.h"
#include "engine/kernels/layout.h"
#include "engine/kernels/tile.h"
#include "engine/parallel.h"

namespace miniray {

// The extents of C[m, n] = A . B with sums over k.
struct GemmShape {
  std::int64_t m, n, k;
};

// Whether a BLAS makes them, or kernels of our own: a choice that a program may force
// (ThreadBudget).
template <class T>
bool uses_blas(const ThreadBudget& threads);

// c[m, n] = a[m, k] . b[n, k]^T + bias[n]; an empty bias is none. `finished` is called with each
// tile of c while it is still in the caches: the place for what follows element by element.
template <class T>
void gemm_nt(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
             std::span<const T> b, std::span<const T> bias, std::span<T> c,
             TileFunction finished = {}, Layout b_layout = Layout::kRows);

// c[m, n] = a[m, k] . b[k, n]; `finished` as above.
template <class T>
void gemm_nn(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
             std::span<const T> b, std::span<T> c, TileFunction finished = {},
             Layout b_layout = Layout::kRows);

// c[m, n] += a[k, m]^T . b[k, n]
template <class T>
void gemm_tn_add(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                 std::span<const T> b, std::span<T> c, Layout c_layout = Layout::kRows);

// The gradient g[m, n] = a[k, m]^T . b[k, n] of weights in blocks, taken by adam_update where it is
// made and never stored. Gives the bits that gemm_tn_add into zeros and adam_update would give.
template <class T>
void gemm_tn_adam(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                  std::span<const T> b, const AdamFactors<T>& factors, const AdamSpans<T>& spans);

}  // namespace miniray
