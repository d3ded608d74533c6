// Plain loops: the compiler makes vectors of them, and what they move bounds their speed.
#include "engine/kernels/bfloat16.h"

#include <bit>

namespace miniray {
namespace {

Bfloat16 rounded(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t nearest = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  const std::uint32_t quiet_nan = bits >> 16 | 0x40U;
  const bool nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  return {static_cast<std::uint16_t>(nan ? quiet_nan : nearest)};
}

float widened(Bfloat16 x) { return std::bit_cast<float>(std::uint32_t{x.bits} << 16); }

}  // namespace

void round_to_bfloat16(std::span<const float> x, std::span<Bfloat16> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = rounded(x[i]);
}

void widen(std::span<const Bfloat16> x, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = widened(x[i]);
}

void add_and_scale(float scale, std::span<const Bfloat16> x, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = scale * (y[i] + widened(x[i]));
}

}  // namespace miniray
