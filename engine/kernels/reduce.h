// Sums over the rows of row-major blocks inside larger matrices.
//
// Functions use the calling thread only and allocate nothing. Rows are added from the first to the
// last, column by column, so a column's sum does not depend on how columns were dealt out.
#pragma once

#include <cstdint>

namespace miniray {

// A block of `rows` x `columns`, its rows `stride` elements apart.
struct Block {
  std::int64_t rows, columns, stride;
};

template <class T>
struct ReduceKernels {
  // x[r, c] += row[c]
  void (*add_to_rows)(const Block& block, const T* row, T* x);
  // sums[c] += sum over r of x[r, c]
  void (*add_column_sums)(const Block& block, const T* x, T* sums);
  // sums[c] = sum over r of (x[r, c] - centre[c])^2
  void (*column_squares)(const Block& block, const T* x, const T* centre, T* sums);
  // sums[c] = sum over r of (x[r, c] - centre[c]) y[r, c]
  void (*column_products)(const Block& block, const T* x, const T* centre, const T* y, T* sums);
  // The sums of whole blocks, lane by lane of a vector, then over the lanes: of x, of
  // (x - centre)^2, and of (x - centre) y.
  T (*block_sum)(const Block& block, const T* x);
  T (*block_squares)(const Block& block, const T* x, T centre);
  T (*block_products)(const Block& block, const T* x, T centre, const T* y);
};

// The kernels of the SIMD target in use. T is float or double.
template <class T>
const ReduceKernels<T>& reduce();

}  // namespace miniray
