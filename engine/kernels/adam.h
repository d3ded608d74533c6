// The optimizer's pass over flat buffers. Kingma and Ba, "Adam" (arXiv 1412.6980), with bias
// correction and epsilon as torch.optim.Adam places them.
#pragma once

#include <cstdint>
#include <span>

namespace miniray {

// The factors of one update; step counts from 1.
template <class T>
struct AdamFactors {
  T beta1, beta2, epsilon;
  T rest1, rest2;        // 1 - beta1, 1 - beta2, taken before rounding to T
  T step_size;           // lr / (1 - beta1^step)
  T inverse_root_bias2;  // 1 / sqrt(1 - beta2^step)
};

// The weights and moments that an update changes.
template <class T>
struct AdamSpans {
  std::span<T> w, m, v;
};

// In one pass: m = beta1 m + rest1 g; v = beta2 v + rest2 g^2;
// w -= step_size m / (sqrt(v) inverse_root_bias2 + epsilon); g = 0.
// Spans of equal length that do not overlap. Calling thread only. T is float or double.
template <class T>
void adam_update(const AdamFactors<T>& factors, std::span<T> w, std::span<T> g, std::span<T> m,
                 std::span<T> v);

}  // namespace miniray
