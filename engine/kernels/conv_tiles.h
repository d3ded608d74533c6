// Convolutions by vectors: what the ways to convolve are made of.
//
// Functions use the calling thread only and allocate nothing. T is float or double.
#pragma once

#include <cstdint>

namespace miniray {

inline constexpr std::int64_t kMostNarrowChannels = 4;

template <class T>
struct ConvKernels {
  std::int64_t columns;      // of a panel and of sums
  std::int64_t pixel_block;  // of multiply_pixels

  // sums[r, columns] (+)= sum over p < depth of source[rows[r] + steps[p]] panel[p, columns], for
  // r < row_count. The sum over p is one chain of multiply-adds from zero.
  void (*multiply)(std::int64_t row_count, const std::int32_t* rows, std::int64_t depth,
                   const std::int32_t* steps, const T* source, const T* panel, bool add, T* sums);
  // The same of source[r * stride + p], and of source[p * stride + r].
  void (*multiply_rows)(std::int64_t row_count, std::int64_t depth, const T* source,
                        std::int64_t stride, const T* panel, bool add, T* sums);
  void (*multiply_columns)(std::int64_t row_count, std::int64_t depth, const T* source,
                           std::int64_t stride, const T* panel, bool add, T* sums);
  // sums[t, i] (+)= sum over p < depth of source[steps[p] + i] weights[p, t], for t < channels (at
  // most kMostNarrowChannels) and i < pixel_block; rows of sums are sums_stride apart. One chain.
  void (*multiply_pixels)(std::int64_t channels, std::int64_t depth, const std::int32_t* steps,
                          const T* source, const T* weights, bool add, T* sums,
                          std::int64_t sums_stride);
  // to[c, r] = from[r, c]
  void (*transpose)(std::int64_t rows, std::int64_t columns, const T* from,
                    std::int64_t from_stride, T* to, std::int64_t to_stride);
  // to[r, c] = from[r, c]: for rows so short that calls of memcpy would cost more than the copying.
  void (*copy_rows)(std::int64_t rows, std::int64_t columns, const T* from,
                    std::int64_t from_stride, T* to, std::int64_t to_stride);
  // to[r, 2 c] = even[r, c], to[r, 2 c + 1] = odd[r, c]; even and odd are dense.
  void (*interleave)(std::int64_t rows, std::int64_t columns, const T* even, const T* odd, T* to,
                     std::int64_t to_stride);
};

// The kernels of the SIMD target in use.
template <class T>
const ConvKernels<T>& conv_kernels();

}  // namespace miniray
