// Naive twins of the tuned kernels: the definition, written down, in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace miniray::testing {

using Numbers = std::vector<double>;

template <class T>
Numbers widen(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

// The nearest to x, ties to even, of the multiples of 2^-133 with at most 8 significant bits.
inline float reference_bfloat16(float x) {
  int exponent = 0;
  std::frexp(x, &exponent);  // |x| is in [0.5, 1) times 2^exponent
  const double unit = std::ldexp(1.0, std::max(exponent - 8, -133));
  return static_cast<float>(std::nearbyint(x / unit) * unit);
}

// c[m, n] = sum over k of a(i, k) b(k, j)
template <class A, class B>
Numbers reference_gemm(std::int64_t m, std::int64_t n, std::int64_t k, A a, B b) {
  Numbers c(static_cast<std::size_t>(m * n));
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t p = 0; p < k; ++p) sum += a(i, p) * b(p, j);
      c[static_cast<std::size_t>(i * n + j)] = sum;
    }
  }
  return c;
}

struct ReferenceAdam {
  double lr, beta1, beta2, epsilon;
  double m = 0, v = 0;
  int steps = 0;

  // The new weight: Algorithm 1 of arXiv 1412.6980, epsilon outside the root.
  double update(double w, double g) {
    ++steps;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const double corrected_m = m / (1 - std::pow(beta1, steps));
    const double corrected_v = v / (1 - std::pow(beta2, steps));
    return w - lr * corrected_m / (std::sqrt(corrected_v) + epsilon);
  }
};

}  // namespace miniray::testing
