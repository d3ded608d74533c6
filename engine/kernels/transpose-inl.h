// Transposition for the SIMD target that is being compiled.
#if defined(MINIRAY_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_TRANSPOSE_INL_H_
#undef MINIRAY_TRANSPOSE_INL_H_
#else
#define MINIRAY_TRANSPOSE_INL_H_
#endif

#include <cstdint>

#include "engine/kernels/finish-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A square of one 128-bit vector a side: 4x4 floats, 2x2 doubles.
template <class T>
constexpr std::int64_t kTransposeSide =
    static_cast<std::int64_t>(hn::MaxLanes(hn::CappedTag<T, 16 / sizeof(T)>()));

#if HWY_TARGET == HWY_SCALAR
template <class D, class Finish, class T = hn::TFromD<D>>
void transpose_squares(D d, const T* from, std::int64_t, T* to, std::int64_t, Finish finish) {
  hn::StoreU(finish(d, hn::LoadU(d, from)), d, to);
}
#else
// A vector of blocks of 128 bits: block i is from[i * stride .. ), contiguous there.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* HWY_RESTRICT from, std::int64_t stride) {
  constexpr std::size_t kBytes = hn::MaxLanes(D()) * sizeof(T);
  if constexpr (kBytes <= 16) {
    return hn::LoadU(d, from);
  } else if constexpr (kBytes == 64) {
    // Loads that broadcast, and blends, leave more room for others than insertions.
    const auto block = [&](std::int64_t i)
                           HWY_ATTR { return hn::LoadDup128(d, from + i * stride); };
    return hn::ConcatUpperLower(d, hn::OddEvenBlocks(block(3), block(2)),
                                hn::OddEvenBlocks(block(1), block(0)));
  } else {
    const hn::Half<D> half;
    const auto blocks = static_cast<std::int64_t>(hn::MaxLanes(half) * sizeof(T) / 16);
    return hn::Combine(d, load_blocks(half, from + blocks * stride, stride),
                       load_blocks(half, from, stride));
  }
}

// The squares that lie in the blocks of row(0) .. row(kTransposeSide - 1), turned, all at once.
template <class D, class Row, class V = hn::Vec<D>>
HWY_INLINE void transpose_in_blocks(D d, Row row, V* turned) {
  if constexpr (kTransposeSide<hn::TFromD<D>> == 2) {
    const V row0 = row(0), row1 = row(1);
    turned[0] = hn::InterleaveLower(d, row0, row1);
    turned[1] = hn::InterleaveUpper(d, row0, row1);
  } else {
    const V row0 = row(0), row1 = row(1), row2 = row(2), row3 = row(3);
    const V even_low = hn::InterleaveLower(d, row0, row2);
    const V odd_low = hn::InterleaveLower(d, row1, row3);
    const V even_high = hn::InterleaveUpper(d, row0, row2);
    const V odd_high = hn::InterleaveUpper(d, row1, row3);
    turned[0] = hn::InterleaveLower(d, even_low, odd_low);
    turned[1] = hn::InterleaveUpper(d, even_low, odd_low);
    turned[2] = hn::InterleaveLower(d, even_high, odd_high);
    turned[3] = hn::InterleaveUpper(d, even_high, odd_high);
  }
}

// to[c, r] = from[r, c] for kTransposeSide columns and as many rows as D has lanes: the squares of
// one vector are turned at once, and leave as whole vectors.
template <class D, class Finish, class T = hn::TFromD<D>>
HWY_INLINE void transpose_squares(D d, const T* HWY_RESTRICT from, std::int64_t from_stride,
                                  T* HWY_RESTRICT to, std::int64_t to_stride, Finish finish) {
  constexpr std::int64_t kSide = kTransposeSide<T>;
  hn::Vec<D> turned[kSide];
  transpose_in_blocks(
      d,
      [&](std::int64_t r)
          HWY_ATTR { return load_blocks(d, from + r * from_stride, kSide * from_stride); },
      turned);
  for (std::int64_t c = 0; c < kSide; ++c) {
    hn::StoreU(finish(d, turned[c]), d, to + c * to_stride);
  }
}

// v[0 .. kBlocks) of kBlocks blocks of 128 bits each: block i of v[j] becomes block j of v[i].
template <int kBlocks, class D, class V = hn::Vec<D>>
HWY_INLINE void transpose_blocks(D d, V* v) {
  if constexpr (kBlocks == 2) {
    const V low = hn::ConcatLowerLower(d, v[1], v[0]);
    v[1] = hn::ConcatUpperUpper(d, v[1], v[0]);
    v[0] = low;
  } else if constexpr (kBlocks == 4) {
    const V even01 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(v[1]), v[0]);
    const V odd01 = hn::OddEvenBlocks(v[1], hn::SwapAdjacentBlocks(v[0]));
    const V even23 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(v[3]), v[2]);
    const V odd23 = hn::OddEvenBlocks(v[3], hn::SwapAdjacentBlocks(v[2]));
    v[0] = hn::ConcatLowerLower(d, even23, even01);
    v[1] = hn::ConcatLowerLower(d, odd23, odd01);
    v[2] = hn::ConcatUpperUpper(d, even23, even01);
    v[3] = hn::ConcatUpperUpper(d, odd23, odd01);
  }
}

// to[c, r] = from[r, c] for as many rows and columns as a vector has lanes: whole vectors, so whole
// lines of a cache at best, are loaded and stored.
template <class D, class Finish, class T = hn::TFromD<D>>
HWY_INLINE void transpose_vectors(D d, const T* HWY_RESTRICT from, std::int64_t from_stride,
                                  T* HWY_RESTRICT to, std::int64_t to_stride, Finish finish) {
  constexpr int kSide = static_cast<int>(kTransposeSide<T>);
  constexpr int kBlocks = static_cast<int>(hn::MaxLanes(D())) / kSide;
  hn::Vec<D> turned[kBlocks][kSide];  // [rows of a block][column of a block]
  HWY_UNROLL(4)
  for (int b = 0; b < kBlocks; ++b) {
    transpose_in_blocks(
        d, [&](int r) HWY_ATTR { return hn::LoadU(d, from + (b * kSide + r) * from_stride); },
        turned[b]);
  }
  HWY_UNROLL(4)
  for (int c = 0; c < kSide; ++c) {
    hn::Vec<D> column[kBlocks];
    for (int b = 0; b < kBlocks; ++b) column[b] = turned[b][c];
    transpose_blocks<kBlocks>(d, column);
    for (int b = 0; b < kBlocks; ++b) {
      hn::StoreU(finish(d, column[b]), d, to + (b * kSide + c) * to_stride);
    }
  }
}
#endif

// Calls body(row, column) for squares of `side` from (0, 0) to (rows, columns), multiples of it.
// Rows a multiple of 4 kB apart share few places in a cache: so a few rows of the wider matrix are
// finished, or a block of their columns, before the next are touched.
template <class Body>
HWY_INLINE void for_each_square(std::int64_t rows, std::int64_t columns, std::int64_t side,
                                bool along_rows, Body body) {
  if (along_rows) {
    constexpr std::int64_t kBlock = 32;
    for (std::int64_t block = 0; block < columns; block += kBlock) {
      const std::int64_t end = HWY_MIN(block + kBlock, columns);
      for (std::int64_t r = 0; r < rows; r += side) {
        for (std::int64_t c = block; c < end; c += side) body(r, c);
      }
    }
  } else {
    for (std::int64_t c = 0; c < columns; c += side) {
      for (std::int64_t r = 0; r < rows; r += side) body(r, c);
    }
  }
}

// transpose() of matrices that may be smaller than a square of vectors.
template <class T, class Finish>
HWY_INLINE void transpose_small(std::int64_t rows, std::int64_t columns, const T* HWY_RESTRICT from,
                                std::int64_t from_stride, T* HWY_RESTRICT to,
                                std::int64_t to_stride, Finish finish) {
  constexpr std::int64_t kSide = kTransposeSide<T>;
  const hn::CappedTag<T, 32 / sizeof(T)> wide;
  const hn::CappedTag<T, kSide> square;
  const hn::CappedTag<T, 1> one;
  constexpr auto kWide = static_cast<std::int64_t>(hn::MaxLanes(wide));
  const std::int64_t whole_rows = rows / kSide * kSide, whole_columns = columns / kSide * kSide;
  for (std::int64_t c = 0; c < whole_columns; c += kSide) {
    std::int64_t r = 0;
    for (; r + kWide <= whole_rows; r += kWide) {
      transpose_squares(wide, from + r * from_stride + c, from_stride, to + c * to_stride + r,
                        to_stride, finish.from(r));
    }
    for (; r < whole_rows; r += kSide) {
      transpose_squares(square, from + r * from_stride + c, from_stride, to + c * to_stride + r,
                        to_stride, finish.from(r));
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c) {
      T* const at = to + c * to_stride + r;
      hn::StoreU(finish.from(r)(one, hn::LoadU(one, from + r * from_stride + c)), one, at);
    }
  }
}

// to[c, r] = from[r, c], finished as a row of `to` (finish-inl.h).
template <class T, class Finish = AsItStands>
HWY_INLINE void transpose(std::int64_t rows, std::int64_t columns, const T* HWY_RESTRICT from,
                          std::int64_t from_stride, T* HWY_RESTRICT to, std::int64_t to_stride,
                          Finish finish = {}) {
  std::int64_t whole_rows = 0, whole_columns = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  // Most whole vectors of rows that begin anywhere would lie in two lines of the cache.
  if (from_stride % lanes == 0) {
    whole_rows = rows / lanes * lanes;
    whole_columns = columns / lanes * lanes;
  }
  for_each_square(whole_rows, whole_columns, lanes, to_stride <= from_stride,
                  [&](std::int64_t r, std::int64_t c) HWY_ATTR {
                    transpose_vectors(d, from + r * from_stride + c, from_stride,
                                      to + c * to_stride + r, to_stride, finish.from(r));
                  });
#endif
  transpose_small(whole_rows, columns - whole_columns, from + whole_columns, from_stride,
                  to + whole_columns * to_stride, to_stride, finish);
  transpose_small(rows - whole_rows, columns, from + whole_rows * from_stride, from_stride,
                  to + whole_rows, to_stride, finish.from(whole_rows));
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
