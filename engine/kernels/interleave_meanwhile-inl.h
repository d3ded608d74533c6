// A matrix that is interleaved tile by tile while the tiles before are multiplied, for the SIMD
// target that is being compiled. Included by kernels/gemm_blocks.cpp.
#if defined(MINIRAY_INTERLEAVE_MEANWHILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_INTERLEAVE_MEANWHILE_INL_H_
#undef MINIRAY_INTERLEAVE_MEANWHILE_INL_H_
#else
#define MINIRAY_INTERLEAVE_MEANWHILE_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/kernels/tile_places-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

// Rows of a[k, rows]^T, as interleave_tiles has them.
template <class T>
class InterleaveMeanwhile {
 public:
  // a and to: row 0 of the matrix, and where its tile begins.
  InterleaveMeanwhile(std::int64_t k, std::int64_t rows, const T* a, T* to)
      : k_(k), stride_(rows), a_(a), to_(to) {}

  // The tile of rows [row, row + height), which are behind those of the tile before: since more
  // than its own numbers may be written, which later ones correct.
  HWY_INLINE void begin(std::int64_t row, std::int64_t height) {
    left_ = k_;
    height_ = height;
    from_ = a_ + row;
    at_ = to_ + row * k_;
  }

  // A few steps of k, if any are left.
  HWY_INLINE void step() {
    if (HWY_UNLIKELY(left_ != 0)) copy();
  }
  HWY_INLINE void finish() {
    while (left_ != 0) copy();
  }

 private:
  HWY_INLINE void copy() {
    if (left_ <= kGroup || 2 * height_ < TileSize<T>::kRows) return copy_exactly();
    for (std::int64_t i = 0; i < kGroup; ++i) {
      std::memcpy(at_, from_, TileSize<T>::kRows * sizeof(T));
      go_on();
    }
    left_ -= kGroup;
  }
  HWY_NOINLINE void copy_exactly() {
    const std::int64_t steps = std::min(left_, kGroup);
    for (std::int64_t i = 0; i < steps; ++i) {
      std::copy_n(from_, height_, at_);
      go_on();
    }
    left_ -= steps;
  }
  HWY_INLINE void go_on() {
    from_ += stride_;
    at_ += height_;
  }

  const std::int64_t k_, stride_;
  const T* const a_;
  T* const to_;
  std::int64_t left_ = 0, height_ = 0;
  const T* from_ = nullptr;
  T* at_ = nullptr;
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
