// Pictures of twice and of half the pixels a side.
//
// x is [rows, columns], large is [2 rows, 2 columns], dense: any number of pictures of one width
// below each other. Calling thread only; T is float or double.
#pragma once

#include <cstdint>

namespace miniray {

template <class T>
struct ResampleKernels {
  // large[2 r + i, 2 c + j] = scale small[r, c] for i, j in {0, 1}
  void (*spread)(std::int64_t rows, std::int64_t columns, T scale, const T* small, T* large);
  // small[r, c] = scale times the sum of large[2 r + i, 2 c + j]
  void (*gather)(std::int64_t rows, std::int64_t columns, T scale, const T* large, T* small);
};

// The kernels of the SIMD target in use.
template <class T>
const ResampleKernels<T>& resample();

}  // namespace miniray
