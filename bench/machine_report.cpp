// What this machine is and what it can do at most, as Markdown: the head of a report.
#include <cstdio>
#include <set>

#include "bench/machine.h"
#include "engine/cpu.h"

int main() {
  using namespace miniray;
  std::printf("- compiler: %s\n- SIMD target: %s\n\n",
#ifdef __clang__
              __VERSION__,
#else
              "GCC " __VERSION__,
#endif
              simd_target().c_str());
  std::printf(
      "| threads | peak of multiply-adds, GFLOP/s | copy bandwidth, GB/s |\n|---|---|---|\n");
  for (const int count : std::set<int>{1, available_cores()}) {
    const ThreadBudget threads(count);
    const double peak = bench::measure_fma_peak(threads);
    std::printf("| %d | %.1f | %.1f |\n", count, peak * 1e-9,
                bench::measure_copy_bandwidth(threads) * 1e-9);
  }
  return 0;
}
