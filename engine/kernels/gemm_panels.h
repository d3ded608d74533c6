// Products by kernels of our own: the pieces of work that kernels/gemm.cpp, and conv_pointwise.cpp,
// spread over threads.
//
// One operand is read in panels, `columns` wide and k deep (see micro_kernel-inl.h); the other, in
// two of three products the weights, where it lies. Sums over k are taken in blocks of kDepth: each
// a chain of multiply-adds from zero, the blocks added in order. So an element's bits depend on its
// row and column of the operands alone. Functions use the calling thread only and allocate nothing.
#pragma once

#include <cstdint>

#include "engine/kernels/gemm.h"

namespace miniray {

// panel[k, columns]: rows [first, first + columns) of x[rows, k], transposed; zeros past the end.
template <class T>
using PackRows = void (*)(std::int64_t rows, std::int64_t k, const T* x, std::int64_t first,
                          T* panel);

template <class T>
struct PanelKernels {
  static constexpr std::int64_t kDepth = 1024;        // of k in a block
  static constexpr std::int64_t kMaxWeightRows = 64;  // of a piece of gemm_nt
  static constexpr std::int64_t kSampleRows = 256;    // at most, of a piece of gemm_nt and gemm_nn
  static constexpr std::int64_t kMaxWidth = 192;      // columns of a piece of gemm_nn
  static constexpr std::int64_t kGradientRows = 48;   // at most, of a piece of gemm_tn

  std::int64_t columns;  // of a panel

  PackRows<T> pack_rows;  // of rows

  // Of c[m, n] = a[m, k] . b[n, k]^T + bias[n]: columns [n0, n0 + width), at most kMaxWeightRows,
  // of the rows from m0 (at most kSampleRows). a_panels: all rows of a, by pack_rows.
  void (*nt_piece)(const GemmShape& shape, const T* a_panels, const T* b, const T* bias, T* c,
                   std::int64_t m0, std::int64_t n0, std::int64_t width);
  // The same of any width, from all of a where it lies and panels of the weights w, one after the
  // other. pack: of their layout; panels: memory for two.
  void (*nt_weights_piece)(const GemmShape& shape, const T* a, const T* w, Layout layout,
                           PackRows<T> pack, const T* bias, T* panels, T* c, std::int64_t m0,
                           std::int64_t n0, std::int64_t width);
  // Of c[m, n] = a[m, k] . b[k, n]: columns [n0, n0 + width) of the rows from m0. width: at most
  // kMaxWidth and, unless it ends the matrix, a multiple of `columns`.
  void (*nn_piece)(const GemmShape& shape, const T* a, const T* b, T* c, std::int64_t m0,
                   std::int64_t n0, std::int64_t width);
  // panels: columns [n0, n0 + width) of b[k, n], panel by panel; zeros past the end.
  void (*pack_columns)(const GemmShape& shape, const T* b, std::int64_t n0, std::int64_t width,
                       T* panels);
  // Of c[m, n] += a[k, m]^T . b[k, n]: rows [m0, m0 + rows), at most kGradientRows.
  // panels: all of b, by pack_columns.
  void (*tn_add_piece)(const GemmShape& shape, const T* a, const T* panels, T* c, std::int64_t m0,
                       std::int64_t rows);
};

// Those of the SIMD target in use. T is float or double.
template <class T>
const PanelKernels<T>& panel_kernels();

}  // namespace miniray
