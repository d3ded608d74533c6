// A transposition that is made a few squares at a time while something else is computed, for the
// SIMD target that is being compiled. Included by kernels/gemm_panels.cpp and turn_meanwhile-inl.h.
#if defined(MINIRAY_TRANSPOSE_MEANWHILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_TRANSPOSE_MEANWHILE_INL_H_
#undef MINIRAY_TRANSPOSE_MEANWHILE_INL_H_
#else
#define MINIRAY_TRANSPOSE_MEANWHILE_INL_H_
#endif

#include <cstdint>

#include "engine/kernels/layout.h"
#include "engine/kernels/transpose-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

// Rows [first, first + count) of a matrix [rows, columns], from where it lies to to[columns, ...],
// finished as rows of `to` (finish-inl.h).
template <class T, class Finish = AsItStands>
class TransposeMeanwhile {
 public:
  TransposeMeanwhile() = default;  // of nothing
  // count: a multiple of a vector; columns: of kTransposeSide.
  TransposeMeanwhile(std::int64_t rows, std::int64_t columns, const T* matrix, Layout layout,
                     std::int64_t first, std::int64_t count, T* to, std::int64_t to_stride,
                     Finish finish = {})
      : count_(count),
        left_(columns / kSide * (count / kLanes)),
        to_(to),
        to_stride_(to_stride),
        finish_(finish) {
    const bool in_rows = layout == Layout::kRows;
    row_stride_ = block_columns_ = in_rows ? columns : kBlockColumns;
    to_next_block_ = in_rows ? 0 : (rows - 1) * kBlockColumns;
    from_ = matrix + first * row_stride_;
  }

  HWY_INLINE void step() {
    if (HWY_UNLIKELY(left_ != 0)) turn_squares();
  }
  HWY_INLINE void finish() {
    while (left_ != 0) turn_squares();
  }

 private:
  static constexpr std::int64_t kSide = kTransposeSide<T>;
  static constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));

  // A vector of rows, kSide columns.
  HWY_INLINE void turn_squares() {
    transpose_squares(hn::ScalableTag<T>(), from_ + row_ * row_stride_, row_stride_, to_ + row_,
                      to_stride_, finish_.from(row_));
    --left_;
    row_ += kLanes;
    if (row_ != count_) return;
    row_ = 0;
    from_ += kSide;
    to_ += kSide * to_stride_;
    column_in_block_ += kSide;
    if (column_in_block_ != block_columns_) return;
    column_in_block_ = 0;
    from_ += to_next_block_;
  }

  std::int64_t count_ = 0, left_ = 0;
  const T* from_ = nullptr;
  T* to_ = nullptr;
  std::int64_t row_stride_ = 0, block_columns_ = 0, to_next_block_ = 0, to_stride_ = 0;
  std::int64_t row_ = 0, column_in_block_ = 0;
  Finish finish_ = {};
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
