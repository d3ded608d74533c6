// The kernel distance KID: the squared maximum mean discrepancy under the kernel
// k(x, y) = (x . y / features + 1)^3, without bias (Binkowski et al., arXiv 1801.01401).
#pragma once

#include <cstdint>
#include <span>

#include "engine/parallel.h"

namespace miniray {

// A mean and the standard deviation of what it is a mean of.
struct Score {
  double mean = 0, deviation = 0;
};

inline constexpr std::int64_t kKernelBlock = 1'000;

// Of vectors a and b [n, features], at least 2 each: the mean over disjoint blocks of kKernelBlock
// of both, strided so that the order of either does not matter much; one smaller block where there
// are fewer. The same bits for any number of threads.
Score kernel_distance(const ThreadBudget& threads, std::int64_t features, std::span<const float> a,
                      std::span<const float> b);

}  // namespace miniray
