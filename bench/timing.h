// Time taken, and the middle of many.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace miniray::bench {

template <class Action>
double time_ms(Action&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  return time.count();
}

// Of an even number of values: the larger of the two in the middle. There must be one at least.
inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace miniray::bench
