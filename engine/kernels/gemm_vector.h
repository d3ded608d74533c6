// Products with a vector for one operand: each number is used once or twice, so they are loops over
// memory, with no panels. Bits as kernels/gemm_panels.h's unless said. Calling thread only, nothing
// allocated.
#pragma once

#include <cstdint>

namespace miniray {

// c[0 .. width) += a[k]^T . b[k, 0 .. width), a matrix `stride` wide. T is float or double.
template <class T>
void add_row_product(std::int64_t k, std::int64_t width, std::int64_t stride, const T* a,
                     const T* b, T* c);

// c[rows, n] = a[rows]^T . b[n]. T is float or double.
template <class T>
void outer_product(std::int64_t rows, std::int64_t n, const T* a, const T* b, T* c);

// c[rows] = a[rows, k] . b[k]; k is summed up in vectors. T is float or double.
template <class T>
void dot_products(std::int64_t rows, std::int64_t k, const T* a, const T* b, T* c);

}  // namespace miniray
