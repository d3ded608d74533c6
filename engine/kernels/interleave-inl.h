// Operands laid out in tiles, the numbers of one step of k side by side, for the SIMD target that
// is being compiled. Included by kernels/panel_products-inl.h.
#if defined(MINIRAY_INTERLEAVE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_INTERLEAVE_INL_H_
#undef MINIRAY_INTERLEAVE_INL_H_
#else
#define MINIRAY_INTERLEAVE_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "engine/kernels/micro_kernel-inl.h"
#include "engine/kernels/simd-inl.h"
#include "engine/kernels/transpose-inl.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR
// to[c * rows + r] = from[r, c] for as many columns as a vector has lanes; rows: at most kMostRows,
// and no more than a vector has lanes. is_last: whether nothing that is written later lies behind
// `to`; else vectors are stored that reach beyond what they have.
template <int kMostRows, class D, class T = hn::TFromD<D>>
HWY_INLINE void interleave_vectors(D d, std::int64_t rows, const T* HWY_RESTRICT from,
                                   std::int64_t from_stride, T* HWY_RESTRICT to, bool is_last) {
  constexpr int kSide = static_cast<int>(kTransposeSide<T>);
  constexpr int kBlocks = static_cast<int>(hn::MaxLanes(D())) / kSide;
  constexpr int kGroups = (kMostRows + kSide - 1) / kSide;
  static_assert(kGroups <= kBlocks);
  hn::Vec<D> turned[kGroups][kSide];  // [rows of a block][column of a block]
  HWY_UNROLL(4)
  for (int g = 0; g < kGroups; ++g) {
    const auto row = [&](std::int64_t r) HWY_ATTR {
      return hn::LoadU(d, from + HWY_MIN(g * kSide + r, rows - 1) * from_stride);
    };
    transpose_in_blocks(d, row, turned[g]);
  }
  hn::Vec<D> columns[kSide][kBlocks];
  HWY_UNROLL(4)
  for (int c = 0; c < kSide; ++c) {
    for (int b = 0; b < kBlocks; ++b) columns[c][b] = turned[HWY_MIN(b, kGroups - 1)][c];
    transpose_blocks<kBlocks>(d, columns[c]);
  }
  HWY_UNROLL(4)
  for (int b = 0; b < kBlocks; ++b) {
    for (int c = 0; c < kSide; ++c) {
      T* const at = to + (b * kSide + c) * rows;
      if (is_last) {
        store_first(columns[c][b], d, at, static_cast<std::size_t>(rows));
      } else {
        hn::StoreU(columns[c][b], d, at);
      }
    }
  }
}
#endif

// to[c * rows + r] = from[r, c]: a tile of at most kMostRows rows, interleaved.
template <int kMostRows, class T>
HWY_INLINE void interleave(std::int64_t rows, std::int64_t columns, const T* HWY_RESTRICT from,
                           std::int64_t from_stride, T* HWY_RESTRICT to) {
  const hn::ScalableTag<T> d;
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  std::int64_t c = 0;
  if constexpr (1 < kLanes && kMostRows <= kLanes) {
    for (; c + kLanes <= columns; c += kLanes) {
      const bool is_last = c + 2 * kLanes > columns;
      interleave_vectors<kMostRows>(d, rows, from + c, from_stride, to + c * rows, is_last);
    }
  }
  transpose(rows, columns - c, from + c, from_stride, to + c * rows, rows);
}

// Columns [0, rows) of a[k, ...], at most kMostRows, interleaved tile by tile: tile `row` begins
// row * k numbers behind. Row by row of a over all tiles, since that is how memory delivers.
template <std::int64_t kMostRows, class T>
HWY_INLINE void interleave_tiles(std::int64_t k, std::int64_t rows, std::int64_t stride,
                                 const T* HWY_RESTRICT a, T* HWY_RESTRICT to) {
  constexpr std::int64_t kRows = TileSize<T>::kRows;
  struct Part {
    std::int64_t row, height;
  };
  std::array<Part, (kMostRows + kRows - 1) / kRows> tiles;
  std::size_t count = 0;
  for_each_row_tile<T>(rows, [&](std::int64_t row, std::int64_t height) HWY_ATTR {
    tiles[count++] = {row, height};
  });
  const std::span<const Part> parts(tiles.data(), count);
  constexpr std::int64_t kLine = 64 / static_cast<std::int64_t>(sizeof(T)), kStepsAhead = 8;
  constexpr std::int64_t kLarge = std::int64_t{1} << 17;  // more than the second cache has left
  const std::int64_t asked_for = k * stride >= kLarge ? rows : 0;
  // As many numbers for every tile, which is a few vectors: those that a lower tile has not are
  // overwritten by its next step.
  std::int64_t p = 0;
  if (2 * parts.back().height >= kRows) {
    for (; p + 1 < k; ++p) {
      const T* const ahead = a + (p + kStepsAhead) * stride;
      for (std::int64_t i = 0; i < asked_for; i += kLine) hwy::Prefetch(ahead + i);
      for (const Part& tile : parts) {
        std::memcpy(to + tile.row * k + p * tile.height, a + p * stride + tile.row,
                    kRows * sizeof(T));
      }
    }
  }
  for (; p < k; ++p) {
    for (const Part& tile : parts) {
      std::copy_n(a + p * stride + tile.row, tile.height, to + tile.row * k + p * tile.height);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
