// What a result becomes on its way from the registers to memory, for the SIMD target that is being
// compiled: finish.from(i)(d, values) for values of consecutive columns from i on.
#if defined(MINIRAY_FINISH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_FINISH_INL_H_
#undef MINIRAY_FINISH_INL_H_
#else
#define MINIRAY_FINISH_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct AsItStands {
  HWY_INLINE AsItStands from(std::int64_t) const { return {}; }
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D, hn::Vec<D> values) const {
    return values;
  }
};

template <class T>
struct PlusBias {
  const T* bias;

  HWY_INLINE PlusBias from(std::int64_t i) const { return {bias + i}; }
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> values) const {
    return hn::Add(values, hn::LoadU(d, bias));
  }
};

// Where there may be none: null.
template <class T>
struct PlusBiasIfAny {
  const T* bias = nullptr;

  HWY_INLINE PlusBiasIfAny from(std::int64_t i) const {
    return {bias == nullptr ? nullptr : bias + i};
  }
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> values) const {
    return bias == nullptr ? values : PlusBias<T>{bias}(d, values);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
