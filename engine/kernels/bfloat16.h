// bfloat16: the upper half of a float. For numbers that are sent or stored, never for sums.
//
// Spans of one call have equal length. Functions use the calling thread only and allocate nothing.
#pragma once

#include <cstdint>
#include <span>

namespace miniray {

struct Bfloat16 {
  std::uint16_t bits;
};

// y = x to the nearest, ties to even. Relative error at most 2^-8; a NaN stays one, and what is
// beyond the largest bfloat16 becomes infinite.
void round_to_bfloat16(std::span<const float> x, std::span<Bfloat16> y);

// y = x, exactly.
void widen(std::span<const Bfloat16> x, std::span<float> y);

// y = scale (y + x)
void add_and_scale(float scale, std::span<const Bfloat16> x, std::span<float> y);

// The same for rows of `columns` numbers that begin x_stride and y_stride apart.
void round_rows(std::int64_t rows, std::int64_t columns, const float* x, std::int64_t x_stride,
                Bfloat16* y, std::int64_t y_stride);
void widen_rows(std::int64_t rows, std::int64_t columns, const Bfloat16* x, std::int64_t x_stride,
                float* y, std::int64_t y_stride);

}  // namespace miniray
