// Arbitrary numbers for tests, the same in every run.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace miniray::testing {

template <class T>
std::vector<T> random_values(std::size_t count, unsigned seed, double low = -1, double high = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> distribution(low, high);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(distribution(engine));
  return values;
}

inline std::vector<float> to_vector(std::span<const float> values) {
  return {values.begin(), values.end()};
}

}  // namespace miniray::testing
