// Batch normalisation: Ioffe and Szegedy (arXiv 1502.03167), with the running statistics
// of torch.nn.BatchNorm1d and 2d.
//
// x and y are blocks of rows (samples) x columns (features). Calling thread only; T float or
// double.
#pragma once

#include "engine/kernels/reduce.h"

namespace miniray {

// The mean and 1 / sqrt(variance + epsilon) of each column; variance is the mean square distance.
template <class T>
void column_statistics(const Block& block, const T* x, T epsilon, T* mean, T* variance,
                       T* inverse_deviation);

template <class T>
struct NormKernels {
  // y[r, c] = (x[r, c] - mean[c]) inverse_deviation[c] weight[c] + bias[c]
  void (*normalise)(const Block& block, const T* x, const T* mean, const T* inverse_deviation,
                    const T* weight, const T* bias, T* y);
  // dx[r, c] = scale[c] (dy[r, c] - a[c] - (x[r, c] - mean[c]) b[c])
  void (*backward_input)(const Block& block, const T* x, const T* dy, const T* mean, const T* scale,
                         const T* a, const T* b, T* dx);
  // The same where all columns belong to one feature, such as a channel of pictures.
  void (*normalise_block)(const Block& block, const T* x, T mean, T inverse_deviation, T weight,
                          T bias, T* y);
  // dx[r, c] = scale dy[r, c] - a - (x[r, c] - mean) b
  void (*backward_input_block)(const Block& block, const T* x, const T* dy, T mean, T scale, T a,
                               T b, T* dx);
};

// The kernels of the SIMD target in use.
template <class T>
const NormKernels<T>& norm();

}  // namespace miniray
