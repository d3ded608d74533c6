// Asks the caches for memory that is wanted soon, a line at a time, so that it comes while
// something else is computed. Included by kernels/panel_products-inl.h.
#if defined(MINIRAY_AHEAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_AHEAD_INL_H_
#undef MINIRAY_AHEAD_INL_H_
#else
#define MINIRAY_AHEAD_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

class Ahead {
 public:
  // `rows` rows of `width` numbers, `stride` numbers apart.
  template <class T>
  Ahead(const T* first, std::int64_t rows, std::int64_t width, std::int64_t stride)
      : row_(reinterpret_cast<const std::byte*>(first)),
        rest_(rows),
        width_(width * static_cast<std::int64_t>(sizeof(T))),
        stride_(stride * static_cast<std::int64_t>(sizeof(T))) {}

  // Asks for the next line, if one is left.
  HWY_INLINE void ask() {
    if (rest_ == 0) return;
    __builtin_prefetch(row_ + at_, 0, 2);  // into the second cache: the first one is in use
    at_ += kLine;
    if (at_ < width_) return;
    at_ = 0;
    row_ += stride_;
    --rest_;
  }

 private:
  static constexpr std::int64_t kLine = 64;

  const std::byte* row_;
  std::int64_t rest_, width_, stride_, at_ = 0;
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
