// Samples part by part, as numbers to compute with, however they are stored.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "engine/kernels/tile.h"
#include "engine/parallel.h"
#include "engine/stored_span.h"

namespace miniray {

// Elements [column, column + size) of row `row` of a [batch, features] matrix; column is a multiple
// of 8. `begin` is the first one's place in the matrix.
struct RowPart {
  std::int64_t row, column, size, begin;
};

inline constexpr std::int64_t kMaxPart = 1024;  // elements

// Calls body(part) for the parts of a tile.
template <class Body>
void for_each_part(const Tile& tile, std::int64_t features, Body body) {
  for (std::int64_t row = tile.row; row < tile.row + tile.rows; ++row) {
    for (std::int64_t done = 0; done < tile.columns; done += kMaxPart) {
      const std::int64_t column = tile.column + done;
      body(RowPart{row, column, std::min(kMaxPart, tile.columns - done), row * features + column});
    }
  }
}

// Calls body(tile) for tiles of whole rows, in parallel.
template <class Body>
void for_each_tile_of_rows(const ThreadBudget& threads, std::int64_t batch, std::int64_t features,
                           Body body) {
  constexpr std::int64_t kElementsPerTile = 16384;
  const std::int64_t rows = std::max<std::int64_t>(1, kElementsPerTile / features);
  for_each_range(threads, batch, rows, [&](std::int64_t row, std::int64_t count) {
    body(Tile{row, count, 0, features});
  });
}

// Room for a part of what is stored as bfloat16.
template <class T>
class PartBuffer {
 public:
  // The part where it stands or, rounded, widened here.
  std::span<const T> read(StoredSpan<const T> all, const RowPart& at) {
    if (!all.is_rounded()) return part(all.exact(), at.begin, at.size);
    widen_block<T>(1, at.size, all.rounded(), at.begin, 0, numbers_.data(), 0);
    return part(std::span<const T>(numbers_), 0, at.size);
  }
  // Where the part is written, before `write`.
  std::span<T> room(StoredSpan<T> all, const RowPart& at) {
    if (!all.is_rounded()) return part(all.exact(), at.begin, at.size);
    return part(std::span<T>(numbers_), 0, at.size);
  }
  std::span<T> read_for_writing(StoredSpan<T> all, const RowPart& at) {
    read(all, at);
    return room(all, at);
  }
  void write(StoredSpan<T> all, const RowPart& at) const {
    if (all.is_rounded()) {
      round_block<T>(1, at.size, numbers_.data(), 0, all.rounded(), at.begin, 0);
    }
  }

 private:
  alignas(64) std::array<T, kMaxPart> numbers_;
};

}  // namespace miniray
