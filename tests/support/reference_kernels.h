// Naive twins of the tuned kernels: the definition, written down, in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "engine/kernels/conv.h"

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

// Calls body(element of x, of w, of y) for every product in the definition of a convolution.
template <class Body>
void for_each_product(const ConvShape& s, Body body) {
  const std::int64_t rows = s.out_height(), columns = s.out_width();
  const std::int64_t taps = s.channels * s.kernel * s.kernel;
  for (std::int64_t k = 0; k < s.images * s.out_channels * rows * columns; ++k) {
    const std::int64_t n = k / (s.out_channels * rows * columns);
    const std::int64_t o = k / (rows * columns) % s.out_channels;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t c = tap / (s.kernel * s.kernel);
      const std::int64_t row =
          k / columns % rows * s.stride + tap / s.kernel % s.kernel - s.padding;
      const std::int64_t column = k % columns * s.stride + tap % s.kernel - s.padding;
      if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
      body(static_cast<std::size_t>(((n * s.channels + c) * s.height + row) * s.width + column),
           static_cast<std::size_t>(o * taps + tap), static_cast<std::size_t>(k));
    }
  }
}

// Adds bias[c] to every element of channel c of [images, channels, ...].
template <class T>
void add_to_channels(Numbers& pictures, const std::vector<T>& bias, std::int64_t images) {
  const std::size_t plane = pictures.size() / (bias.size() * static_cast<std::size_t>(images));
  for (std::size_t i = 0; i < pictures.size(); ++i) pictures[i] += bias[i / plane % bias.size()];
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
