// What this machine and its processor are, and which of our kernels and of the BLAS's it runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace miniray {

std::string cpu_model();
// The name of the machine in its network.
std::string host_name();
// Resident memory of this process now, and its highest so far, in bytes.
std::int64_t resident_bytes();
std::int64_t peak_resident_bytes();

// The SIMD targets that this program holds kernels for and this processor can run, best first, by
// the names of the Highway library ("AVX2").
std::vector<std::string> simd_targets();
// The one that kernels run on now.
std::string simd_target();
// Makes all kernels of this process run on `name`, to compare or to test; "" returns to the best.
// Not while kernels run. Throws invalid argument, naming those that can be had.
void use_simd_target(const std::string& name);

// Denormal numbers of this thread are flushed to zero while this lives: arithmetic on them is up
// to a hundred times slower, and none of our results needs them.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  std::uint64_t previous_;
};

}  // namespace miniray
