// Transposition for the SIMD target that is being compiled.
#if defined(MINIRAY_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_TRANSPOSE_INL_H_
#undef MINIRAY_TRANSPOSE_INL_H_
#else
#define MINIRAY_TRANSPOSE_INL_H_
#endif

#include <cstdint>

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
template <class D, class T = hn::TFromD<D>>
void transpose_squares(D, const T* from, std::int64_t, T* to, std::int64_t) {
  *to = *from;
}
#else
// A vector of blocks of 128 bits: block i is from[i * stride .. ), contiguous there.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* HWY_RESTRICT from, std::int64_t stride) {
  if constexpr (hn::MaxLanes(D()) * sizeof(T) <= 16) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    const auto blocks = static_cast<std::int64_t>(hn::MaxLanes(half) * sizeof(T) / 16);
    return hn::Combine(d, load_blocks(half, from + blocks * stride, stride),
                       load_blocks(half, from, stride));
  }
}

// to[c, r] = from[r, c] for kTransposeSide columns and as many rows as D has lanes: the squares of
// one vector are turned at once, and leave as whole vectors.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void transpose_squares(D d, const T* HWY_RESTRICT from, std::int64_t from_stride,
                                  T* HWY_RESTRICT to, std::int64_t to_stride) {
  constexpr std::int64_t kSide = kTransposeSide<T>;
  const auto row = [&](std::int64_t r) HWY_ATTR {
    return load_blocks(d, from + r * from_stride, kSide * from_stride);
  };
  if constexpr (kSide == 2) {
    const auto row0 = row(0), row1 = row(1);
    hn::StoreU(hn::InterleaveLower(d, row0, row1), d, to);
    hn::StoreU(hn::InterleaveUpper(d, row0, row1), d, to + to_stride);
  } else {
    const auto row0 = row(0), row1 = row(1), row2 = row(2), row3 = row(3);
    const auto even_low = hn::InterleaveLower(d, row0, row2);
    const auto odd_low = hn::InterleaveLower(d, row1, row3);
    const auto even_high = hn::InterleaveUpper(d, row0, row2);
    const auto odd_high = hn::InterleaveUpper(d, row1, row3);
    hn::StoreU(hn::InterleaveLower(d, even_low, odd_low), d, to);
    hn::StoreU(hn::InterleaveUpper(d, even_low, odd_low), d, to + to_stride);
    hn::StoreU(hn::InterleaveLower(d, even_high, odd_high), d, to + 2 * to_stride);
    hn::StoreU(hn::InterleaveUpper(d, even_high, odd_high), d, to + 3 * to_stride);
  }
}
#endif

// to[c, r] = from[r, c]. Rows a multiple of 4 kB apart share few places in a cache: so a few rows
// of the wider matrix are finished, or a block of their columns, before the next are touched.
template <class T>
HWY_INLINE void transpose(std::int64_t rows, std::int64_t columns, const T* HWY_RESTRICT from,
                          std::int64_t from_stride, T* HWY_RESTRICT to, std::int64_t to_stride) {
  constexpr std::int64_t kBlock = 64;
  constexpr std::int64_t kSide = kTransposeSide<T>;
  const hn::CappedTag<T, 32 / sizeof(T)> wide;
  const hn::CappedTag<T, kSide> square;
  constexpr auto kWide = static_cast<std::int64_t>(hn::MaxLanes(wide));
  const std::int64_t whole_rows = rows / kSide * kSide, whole_columns = columns / kSide * kSide;
  // Squares of rows [r, whole_rows) in a column of squares.
  const auto strip = [&](std::int64_t r, std::int64_t c, std::int64_t end) HWY_ATTR {
    for (; r + kWide <= end; r += kWide) {
      transpose_squares(wide, from + r * from_stride + c, from_stride, to + c * to_stride + r,
                        to_stride);
    }
    for (; r < end; r += kSide) {
      transpose_squares(square, from + r * from_stride + c, from_stride, to + c * to_stride + r,
                        to_stride);
    }
  };
  if (to_stride > from_stride) {
    for (std::int64_t c = 0; c < whole_columns; c += kSide) strip(0, c, whole_rows);
  } else {
    for (std::int64_t block = 0; block < whole_columns; block += kBlock) {
      const std::int64_t end = HWY_MIN(block + kBlock, whole_columns);
      for (std::int64_t r = 0; r < whole_rows; r += kWide) {
        for (std::int64_t c = block; c < end; c += kSide) {
          strip(r, c, HWY_MIN(r + kWide, whole_rows));
        }
      }
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c) {
      to[c * to_stride + r] = from[r * from_stride + c];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
