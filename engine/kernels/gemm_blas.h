// Products by OpenBLAS, cut into one fixed partition of tiles by their shape alone: the twins of
// those in kernels/gemm.h, chosen there. Weights in blocks are copied into rows for it and back.
#pragma once

#include "engine/kernels/gemm.h"

namespace miniray::blas {

template <class T>
void gemm_nt(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
             std::span<const T> b, std::span<const T> bias, std::span<T> c, TileFunction finished,
             Layout b_layout);
template <class T>
void gemm_nn(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
             std::span<const T> b, std::span<T> c, TileFunction finished, Layout b_layout);
template <class T>
void gemm_tn_add(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                 std::span<const T> b, std::span<T> c, Layout c_layout);
template <class T>
void gemm_tn_adam(const ThreadBudget& threads, const GemmShape& shape, std::span<const T> a,
                  std::span<const T> b, const AdamFactors<T>& factors, const AdamSpans<T>& spans);

}  // namespace miniray::blas
