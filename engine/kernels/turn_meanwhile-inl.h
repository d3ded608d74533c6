// A panel of sums that is turned into rows a few squares at a time while the next panel is
// multiplied, for the SIMD target that is being compiled. Included by kernels/panel_products-inl.h.
#if defined(MINIRAY_TURN_MEANWHILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_TURN_MEANWHILE_INL_H_
#undef MINIRAY_TURN_MEANWHILE_INL_H_
#else
#define MINIRAY_TURN_MEANWHILE_INL_H_
#endif

#include <cstdint>

#include "engine/kernels/tile_places-inl.h"
#include "engine/kernels/transpose-inl.h"
#include "engine/kernels/transpose_meanwhile-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

// c[samples, width] = sums[width, kColumns], turned, + bias, where there is one: of one panel after
// the other.
template <class T>
class TurnMeanwhile {
 public:
  // Where registers are few, sums would have to make room for it: then all is done at once.
  static constexpr bool kPays = TileSize<T>::kThirtyTwoRegisters;

  TurnMeanwhile(std::int64_t width, const T* bias, std::int64_t stride)
      : width_(width), bias_{bias}, stride_(stride) {}

  // Finishes the panel before, and begins with this one.
  HWY_INLINE void begin(std::int64_t samples, const T* sums, T* c) {
    constexpr std::int64_t kColumns = TileSize<T>::kColumns;
    finish();
    if (!kPays || samples < kColumns || width_ % TileSize<T>::kLanes != 0) {
      return transpose(width_, samples, sums, kColumns, c, stride_, bias_);
    }
    panel_ = {width_, kColumns, sums, Layout::kRows, 0, width_, c, stride_, bias_};
  }
  HWY_INLINE void step() {
    if constexpr (kPays) panel_.step();
  }
  HWY_INLINE void finish() { panel_.finish(); }

 private:
  const std::int64_t width_;
  const PlusBiasIfAny<T> bias_;
  const std::int64_t stride_;
  TransposeMeanwhile<T, PlusBiasIfAny<T>> panel_;
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
