// OpenBLAS, loaded when it is first asked for: whoever linked with it would start its threads with
// every program, where they spin for a tenth of a second, and most runs never call it.
#pragma once

#include <cblas.h>

namespace miniray {

struct BlasLibrary {
  decltype(&cblas_sgemm) sgemm;
  decltype(&cblas_dgemm) dgemm;
};

// With one thread a call: its own threads would cut sums by their number, and fight ours for the
// cores. Throws not found, saying what to install. Safe from any thread.
const BlasLibrary& blas_library();

}  // namespace miniray
