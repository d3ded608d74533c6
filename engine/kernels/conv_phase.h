// The phases of a gather over both axes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/kernels/conv_bands.h"
#include "engine/kernels/conv_gather.h"

namespace miniray {

// One row phase with one column phase: its targets are a grid, its taps a rectangle of the kernel.
struct GridPhase {
  std::int64_t index;
  GatherPhase rows, columns;

  std::int64_t taps() const { return rows.taps * columns.taps; }
  std::int64_t rows_in(const Band& band) const {
    return std::clamp<std::int64_t>(rows.count - band.first_row, 0, band.rows);
  }
  // In a band's sums, pixels stand in the order (image, row, column).
  std::int64_t pixels_in(const Band& band) const {
    return band.images * rows_in(band) * columns.count;
  }
};

// Calls body(phase) in the order of their indices.
template <class Body>
void for_each_phase(const Gather& g, Body body) {
  for (std::int64_t row = 0; row < g.rows.phases(); ++row) {
    for (std::int64_t column = 0; column < g.columns.phases(); ++column) {
      body(
          GridPhase{row * g.columns.phases() + column, g.rows.phase(row), g.columns.phase(column)});
    }
  }
}

}  // namespace miniray
