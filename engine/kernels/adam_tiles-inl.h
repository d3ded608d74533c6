// The tiles of a gradient of weights in blocks, and Adam on them, for the SIMD target that is being
// compiled. Included by kernels/gemm_blocks.cpp.
#if defined(MINIRAY_ADAM_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_ADAM_TILES_INL_H_
#undef MINIRAY_ADAM_TILES_INL_H_
#else
#define MINIRAY_ADAM_TILES_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/kernels/adam-inl.h"
#include "engine/kernels/gemm_blocks.h"
#include "engine/kernels/panel_products-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

// Rows of a group of tiles: where sums are short, more of them, for longer walks down a block.
template <class T>
HWY_INLINE std::int64_t group_rows(const GemmShape& shape) {
  return BlockKernels<T>::kTileRows *
         std::max<std::int64_t>(1, 128 / std::max<std::int64_t>(1, shape.k));
}

// Of the tile that begins with this row.
template <class T>
HWY_INLINE std::int64_t gradient_tile_height(const GemmShape& shape, std::int64_t row) {
  constexpr std::int64_t kRows = BlockKernels<T>::kTileRows;
  return row_tile_height<T>(std::min(kRows - row % kRows, shape.m - row));
}

// Calls body(row, height, column, panel) for each tile of columns [n0, n0 + width), from panels of
// b. A group of rows is finished with all panels before the next one: its tiles of a stay in the
// second cache meanwhile, and so do the panels.
template <class T, class Body>
HWY_INLINE void for_each_gradient_tile(const GemmShape& shape, const T* panels, std::int64_t n0,
                                       std::int64_t width, Body body) {
  constexpr std::int64_t kRows = BlockKernels<T>::kTileRows;
  for (std::int64_t group = 0; group < shape.m; group += group_rows<T>(shape)) {
    const std::int64_t end = std::min(group + group_rows<T>(shape), shape.m);
    for (std::int64_t i = 0; i < width; i += kColumns<T>) {
      for (std::int64_t m0 = group; m0 < end; m0 += kRows) {
        for_each_row_tile<T>(std::min(kRows, end - m0),
                             [&](std::int64_t row, std::int64_t height) HWY_ATTR {
                               body(m0 + row, height, n0 + i, panels + i * shape.k);
                             });
      }
    }
  }
}

// What Adam will want of columns [n0, n0 + width), in the order of for_each_gradient_tile: the
// lines of a row of a tile, in all three arrays, at a time.
template <class T>
class AdamAhead {
 public:
  AdamAhead(const GemmShape& shape, const AdamSpans<T>& spans, std::int64_t n0, std::int64_t width)
      : shape_(shape),
        n0_(n0),
        width_(width),
        left_(shape.m * ((width + kColumns<T> - 1) / kColumns<T>)) {
    arrays_[0] = array_of(spans.w.data());
    arrays_[1] =
        spans.rounded.m.empty() ? array_of(spans.m.data()) : array_of(spans.rounded.m.data());
    arrays_[2] =
        spans.rounded.v.empty() ? array_of(spans.v.data()) : array_of(spans.rounded.v.data());
    go_to(0, n0);
  }

  // So many rows more may be asked for.
  HWY_INLINE void allow(std::int64_t rows) {
    rows = std::min(rows, left_);
    allowed_ += rows;
    left_ -= rows;
  }

  // Asks for the next row, if it may.
  HWY_INLINE void ask() {
    if (allowed_ == 0) return;
    --allowed_;
    for (Array& array : arrays_) {
      __builtin_prefetch(array.next, 0, 2);
      __builtin_prefetch(array.next + array.block, 0, 2);
      array.next += array.row;
    }
    if (++row_ == end_) go_on();
  }

 private:
  struct Array {
    const std::byte* first;
    const std::byte* next;
    std::int64_t size, row, block;  // of an element, and from a row and a block to the next; bytes
  };

  template <class Element>
  static Array array_of(const Element* first) {
    constexpr auto kSize = static_cast<std::int64_t>(sizeof(Element));
    return {reinterpret_cast<const std::byte*>(first), nullptr, kSize, kBlockColumns * kSize, 0};
  }

  // The rows of a group in a panel's columns.
  void go_to(std::int64_t group, std::int64_t column) {
    group_ = row_ = group;
    column_ = column;
    end_ = std::min(group + group_rows<T>(shape_), shape_.m);
    const bool two_blocks = std::min(kColumns<T>, shape_.n - column) > kBlockColumns;
    for (Array& array : arrays_) {
      array.next = array.first + block_offset(shape_.m, group, column) * array.size;
      array.block = two_blocks ? shape_.m * array.row : 0;
    }
  }

  HWY_NOINLINE void go_on() {
    if (column_ + kColumns<T> < n0_ + width_) {
      go_to(group_, column_ + kColumns<T>);
    } else if (end_ < shape_.m) {
      go_to(end_, n0_);
    }
  }

  const GemmShape shape_;
  const std::int64_t n0_, width_;
  std::int64_t left_, allowed_ = 0;
  std::int64_t group_ = 0, end_ = 0, column_ = 0, row_ = 0;
  std::array<Array, 3> arrays_{};
};

// Adam takes a tile of the gradient out of the first cache while the next one is summed, a vector
// between some steps of k: for what it loads and stores, the multipliers do not wait then. Where
// registers are so few that sums would have to make room for it, as soon as the tile stands.
template <class T>
class AdamBehind {
 public:
  AdamBehind(const GemmShape& shape, const AdamTarget<T>& target)
      : shape_(shape), spans_(target.spans), adam_(target.factors) {}

  // Where the next tile is to be stored, in blocks of its height; free until it is taken.
  T* room() { return rooms_[room_]; }

  // That tile stands.
  HWY_INLINE void take(std::int64_t row, std::int64_t height, std::int64_t column) {
    finish();
    if (!TileSize<T>::kThirtyTwoRegisters) return update(row, height, column);
    gradient_ = room();
    room_ = 1 - room_;
    at_ = block_offset(shape_.m, row, column);
    const std::int64_t blocks = std::min(kColumns<T>, shape_.n - column) > kBlockColumns ? 2 : 1;
    left_ = blocks * height * kVectors;
    second_block_ = blocks == 2 ? left_ / 2 : -1;
    to_second_block_ = (shape_.m - height) * kBlockColumns;
  }

  HWY_INLINE void step() {
    if constexpr (TileSize<T>::kThirtyTwoRegisters) {
      if (left_ != 0) update_vector();
    }
  }
  HWY_INLINE void finish() {
    while (left_ != 0) update_vector();
  }

 private:
  static constexpr std::int64_t kLanes = TileSize<T>::kLanes;
  static constexpr std::int64_t kWidth =
      HWY_MIN(kColumns<T>, kBlockColumns);  // of a row in a block
  static constexpr std::int64_t kVectors = kWidth / kLanes;

  HWY_INLINE void update_vector() {
    adam_.update(spans_, static_cast<std::size_t>(at_), static_cast<std::size_t>(kLanes),
                 gradient_);
    --left_;
    std::int64_t by = kLanes;
    if constexpr (kWidth < kBlockColumns) {
      if (left_ % kVectors == 0) by += kBlockColumns - kWidth;
    }
    gradient_ += by;
    at_ += left_ == second_block_ ? by + to_second_block_ : by;
  }

  // The whole tile.
  HWY_INLINE void update(std::int64_t row, std::int64_t height, std::int64_t column) {
    T* gradient = room();
    const std::int64_t end = std::min(column + kColumns<T>, shape_.n);
    for (; column < end; column += kWidth) {
      const std::int64_t at = block_offset(shape_.m, row, column);
      // In blocks, as the weights are: so a block's rows are one run.
      const std::int64_t runs = kWidth == kBlockColumns ? 1 : height;
      for (std::int64_t r = 0; r < runs; ++r) {
        adam_.update(spans_, static_cast<std::size_t>(at + r * kBlockColumns),
                     static_cast<std::size_t>(height / runs * kWidth),
                     gradient + r * kBlockColumns);
      }
      gradient += height * kBlockColumns;
    }
  }

  const GemmShape shape_;
  const AdamSpans<T> spans_;
  const AdamVectors<T> adam_;
  HWY_ALIGN T rooms_[2][TileSize<T>::kRows * HWY_MAX(kColumns<T>, kBlockColumns)];
  int room_ = 0;
  // Of the tile that was taken: the next vector, and how many are left.
  T* gradient_ = nullptr;
  std::int64_t at_ = 0, left_ = 0;
  std::int64_t second_block_ = -1, to_second_block_ = 0;
};

// What is done between the steps of a tile's sums. No lambda: GCC would call that as a function,
// and save all sums around it.
template <class T>
struct AdamMeanwhile {
  AdamAhead<T>& ahead;
  AdamBehind<T>& behind;

  HWY_INLINE void operator()() const {
    ahead.ask();
    behind.step();
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
