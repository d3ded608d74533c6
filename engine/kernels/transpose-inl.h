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

template <class T>
HWY_INLINE void transpose_square(const T* HWY_RESTRICT from, std::int64_t from_stride,
                                 T* HWY_RESTRICT to, std::int64_t to_stride) {
#if HWY_TARGET == HWY_SCALAR
  (void)from_stride, (void)to_stride;
  *to = *from;
#else
  const hn::CappedTag<T, 16 / sizeof(T)> d;
  if constexpr (kTransposeSide<T> == 2) {
    const auto row0 = hn::LoadU(d, from), row1 = hn::LoadU(d, from + from_stride);
    hn::StoreU(hn::InterleaveLower(d, row0, row1), d, to);
    hn::StoreU(hn::InterleaveUpper(d, row0, row1), d, to + to_stride);
  } else {
    const auto row0 = hn::LoadU(d, from), row1 = hn::LoadU(d, from + from_stride),
               row2 = hn::LoadU(d, from + 2 * from_stride),
               row3 = hn::LoadU(d, from + 3 * from_stride);
    const auto even_low = hn::InterleaveLower(d, row0, row2);
    const auto odd_low = hn::InterleaveLower(d, row1, row3);
    const auto even_high = hn::InterleaveUpper(d, row0, row2);
    const auto odd_high = hn::InterleaveUpper(d, row1, row3);
    hn::StoreU(hn::InterleaveLower(d, even_low, odd_low), d, to);
    hn::StoreU(hn::InterleaveUpper(d, even_low, odd_low), d, to + to_stride);
    hn::StoreU(hn::InterleaveLower(d, even_high, odd_high), d, to + 2 * to_stride);
    hn::StoreU(hn::InterleaveUpper(d, even_high, odd_high), d, to + 3 * to_stride);
  }
#endif
}

// to[c, r] = from[r, c]. Rows a multiple of 4 kB apart share few places in a cache: so a few rows
// of the wider matrix are finished, or a block of their columns, before the next are touched.
template <class T>
HWY_INLINE void transpose(std::int64_t rows, std::int64_t columns, const T* HWY_RESTRICT from,
                          std::int64_t from_stride, T* HWY_RESTRICT to, std::int64_t to_stride) {
  constexpr std::int64_t kBlock = 64;
  constexpr std::int64_t kSide = kTransposeSide<T>;
  const std::int64_t whole_rows = rows / kSide * kSide, whole_columns = columns / kSide * kSide;
  const auto square = [&](std::int64_t r, std::int64_t c) HWY_ATTR {
    transpose_square(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
  };
  if (to_stride > from_stride) {
    for (std::int64_t c = 0; c < whole_columns; c += kSide) {
      for (std::int64_t r = 0; r < whole_rows; r += kSide) square(r, c);
    }
  } else {
    for (std::int64_t block = 0; block < whole_columns; block += kBlock) {
      const std::int64_t end = HWY_MIN(block + kBlock, whole_columns);
      for (std::int64_t r = 0; r < whole_rows; r += kSide) {
        for (std::int64_t c = block; c < end; c += kSide) square(r, c);
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
