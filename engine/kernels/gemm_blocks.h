// The products of gemm_panels.h where the weights lie in blocks of columns (layout.h): forward
// broadcasts them, the input gradient takes them for panels, and Adam updates them where they lie.
// Elements have the same bits in both layouts. Functions use the calling thread only and allocate
// nothing.
#pragma once

#include <cstdint>

#include "engine/kernels/adam.h"
#include "engine/kernels/gemm.h"
#include "engine/kernels/gemm_panels.h"

namespace miniray {

// The state of Adam for one matrix of weights.
template <class T>
struct AdamTarget {
  AdamFactors<T> factors;
  AdamSpans<T> spans;
};

template <class T>
struct BlockKernels {
  static constexpr std::int64_t kTileRows = 96;  // of a gradient, cut into tiles by themselves

  PackRows<T> pack_rows;  // of blocks

  // Of c[m, n] = a[m, k] . w[n, k]^T + bias[n], as nt_piece of PanelKernels.
  void (*nt_piece)(const GemmShape& shape, const T* a_panels, const T* w, const T* bias, T* c,
                   std::int64_t m0, std::int64_t n0, std::int64_t width);

  // Of c[m, n] = a[m, k] . w[k, n], as nn_piece of PanelKernels.
  void (*nn_piece)(const GemmShape& shape, const T* a, const T* w, T* c, std::int64_t m0,
                   std::int64_t n0, std::int64_t width);
  // a_tiles: columns [k0, k0 + depth) of rows [m0, m0 + rows) of a[m, k], interleaved tile by tile
  // where nn_tiles_piece finds them. rows: kSampleRows of PanelKernels, or what is left of m.
  void (*interleave_rows)(const GemmShape& shape, const T* a, std::int64_t m0, std::int64_t rows,
                          std::int64_t k0, std::int64_t depth, T* a_tiles);
  // The same as nn_piece from all of a by interleave_rows.
  void (*nn_tiles_piece)(const GemmShape& shape, const T* a_tiles, const T* w, T* c,
                         std::int64_t m0, std::int64_t n0, std::int64_t width);

  // a_tiles: rows [m0, m0 + rows) of a[k, m]^T, interleaved tile by tile where the next two find
  // them. m0: a multiple of kTileRows; rows: as many, or what is left of m.
  void (*interleave_gradient_rows)(const GemmShape& shape, const T* a, std::int64_t m0,
                                   std::int64_t rows, T* a_tiles);
  // Of dw[m, n] += a[k, m]^T . b[k, n]: columns [n0, n0 + width), n0 a multiple of `columns` of
  // PanelKernels. panels: k numbers to work in for each column, of whole panels.
  void (*tn_add_piece)(const GemmShape& shape, const T* a_tiles, const T* b, T* panels, T* dw,
                       std::int64_t n0, std::int64_t width);
  // The same where a_tiles are yet to be laid out, and are so meanwhile.
  void (*tn_add_first_piece)(const GemmShape& shape, const T* a, T* a_tiles, const T* b, T* panels,
                             T* dw, std::int64_t n0, std::int64_t width);
  // The same product as a gradient that Adam takes while it is in the caches.
  void (*tn_adam_piece)(const GemmShape& shape, const T* a_tiles, const T* b, T* panels,
                        const AdamTarget<T>& target, std::int64_t n0, std::int64_t width);
};

// Those of the SIMD target in use. T is float or double.
template <class T>
const BlockKernels<T>& block_kernels();

}  // namespace miniray
