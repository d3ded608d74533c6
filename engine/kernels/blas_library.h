// OpenBLAS, loaded when it is first asked for: whoever linked with it would start its threads with
// every program, where they spin for a tenth of a second, and most runs never call it.
#pragma once

#include <cblas.h>

namespace miniray {

// LAPACK's eigenvalues, and vectors, of a symmetric matrix (divide and conquer), Fortran's calling.
using SymmetricEigen = void (*)(const char* job, const char* triangle, const int* n, double* a,
                                const int* leading, double* values, double* work,
                                const int* work_size, int* integers, const int* integer_size,
                                int* info);

struct BlasLibrary {
  decltype(&cblas_sgemm) sgemm;
  decltype(&cblas_dgemm) dgemm;
  SymmetricEigen dsyevd;
};

// With one thread a call: its own threads would cut sums by their number, and fight ours for the
// cores. Throws not found, saying what to install. Safe from any thread.
const BlasLibrary& blas_library();

}  // namespace miniray
