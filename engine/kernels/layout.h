// How a matrix of weights lies in memory.
//
// In blocks, [columns / 16, rows, 16], the rows of a tile that a product reads lie side by side,
// where those of a matrix a multiple of 4 kB wide would push each other out of the caches; and 16
// columns of all rows are a panel as the micro-kernel reads it (micro_kernel-inl.h), without a
// copy.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace miniray {

enum class Layout { kRows, kBlocks };

inline constexpr std::int64_t kBlockColumns = 16;  // 64 bytes of float

// kBlocks where whole blocks are possible.
constexpr Layout layout_for(std::int64_t columns) {
  return columns % kBlockColumns == 0 ? Layout::kBlocks : Layout::kRows;
}

// Where an element of a matrix of `rows` rows in blocks lies.
constexpr std::int64_t block_offset(std::int64_t rows, std::int64_t row, std::int64_t column) {
  const std::int64_t in_block = column % kBlockColumns;
  return (column - in_block) * rows + row * kBlockColumns + in_block;
}

// A matrix [rows, columns] from rows into blocks and back; columns: a multiple of kBlockColumns.
template <class T>
void rows_to_blocks(std::int64_t rows, std::int64_t columns, std::span<const T> from,
                    std::span<T> to) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; column += kBlockColumns) {
      std::copy_n(from.data() + row * columns + column, kBlockColumns,
                  to.data() + block_offset(rows, row, column));
    }
  }
}
template <class T>
void blocks_to_rows(std::int64_t rows, std::int64_t columns, std::span<const T> from,
                    std::span<T> to) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; column += kBlockColumns) {
      std::copy_n(from.data() + block_offset(rows, row, column), kBlockColumns,
                  to.data() + row * columns + column);
    }
  }
}

}  // namespace miniray
