// The optimizer's pass over flat buffers. Kingma and Ba, "Adam" (arXiv 1412.6980), with bias
// correction and epsilon as torch.optim.Adam places them.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/kernels/bfloat16.h"
#include "engine/span.h"

namespace miniray {

// The factors of one update; step counts from 1.
template <class T>
struct AdamFactors {
  T beta1, beta2, epsilon;
  T rest1, rest2;        // 1 - beta1, 1 - beta2, taken before rounding to T
  T step_size;           // lr / (1 - beta1^step)
  T inverse_root_bias2;  // 1 / sqrt(1 - beta2^step)
};

// Moments stored as bfloat16, of floats. The first moment is rounded to the nearest. The second one
// moves by less than a bfloat16's steps, so that the nearest would be where it was: it is rounded
// up or down at random, so that its mean is what it would have been. The 16 random bits of an
// element are a function of the key, new in each update, and of its number.
struct RoundedMoments {
  std::span<Bfloat16> m{}, v{};
  std::array<std::uint32_t, 2> key{};
  std::uint32_t first = 0;  // number of the spans' first element
};

// The weights and moments that an update changes. Where moments are rounded, m and v are empty.
template <class T>
struct AdamSpans {
  std::span<T> w, m, v;
  RoundedMoments rounded{};
};

template <class T>
AdamSpans<T> part(const AdamSpans<T>& whole, std::int64_t begin, std::int64_t size) {
  const RoundedMoments& rounded = whole.rounded;
  const std::span<T> w = part(whole.w, begin, size);
  if (rounded.m.empty()) return {w, part(whole.m, begin, size), part(whole.v, begin, size)};
  return {w,
          {},
          {},
          {part(rounded.m, begin, size), part(rounded.v, begin, size), rounded.key,
           rounded.first + static_cast<std::uint32_t>(begin)}};
}

// In one pass: m = beta1 m + rest1 g; v = beta2 v + rest2 g^2;
// w -= step_size m / (sqrt(v) inverse_root_bias2 + epsilon); g = 0. Where m and v are stored
// rounded, w takes them as they were before they are rounded.
// Spans of equal length that do not overlap. Calling thread only. T is float or double.
template <class T>
void adam_update(const AdamFactors<T>& factors, const AdamSpans<T>& spans, std::span<T> g);

// The random bits of elements first .. of that key, as adam_update uses them: below 2^16.
void fill_rounding_bits(const std::array<std::uint32_t, 2>& key, std::uint32_t first,
                        std::span<std::uint32_t> bits);

}  // namespace miniray
