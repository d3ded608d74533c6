// The three products of engine/kernels/gemm.h, without a bias, by Eigen.
//
// The source is compiled for AVX2 where the compiler can, so the caller asks the processor first,
// and nothing but numbers and pointers crosses: an inline function shared with other sources could
// end up in them compiled for AVX2.
#pragma once

#include <cstdint>

namespace miniray::bench {

const char* eigen_version();

void eigen_nt(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
              float* c);
void eigen_nn(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
              float* c);
void eigen_tn_add(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
                  float* c);

}  // namespace miniray::bench
