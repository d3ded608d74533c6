// Loops over spans for the SIMD target that is being compiled. Included by kernels/*.cpp only, once
// for each target (Highway's foreach_target), hence the guard of its kind.
#if defined(MINIRAY_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_SIMD_INL_H_
#undef MINIRAY_SIMD_INL_H_
#else
#define MINIRAY_SIMD_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first `count` lanes from memory, the others zero.
template <class D, class T = hn::TFromD<D>>
hn::Vec<D> load_first(D d, const T* from, std::size_t count) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3  // has masks that cost nothing
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#else
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
  std::copy_n(from, count, lanes);
  return hn::Load(d, lanes);
#endif
}

template <class D, class T = hn::TFromD<D>>
void store_first(hn::Vec<D> vector, D d, T* to, std::size_t count) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  hn::BlendedStore(vector, hn::FirstN(d, count), d, to);
#else
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(vector, d, lanes);
  std::copy_n(lanes, count, to);
#endif
}

// y[i] = op(x[i]), y[i] = op(a[i], b[i]). y may be one of the inputs. The lanes past the end are
// computed on zeros, so that an element's bits do not depend on where its span ends.
template <class T, class Op>
void map(std::size_t n, const T* x, T* y, Op op) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(op(hn::LoadU(d, x + i)), d, y + i);
  if (i < n) store_first(op(load_first(d, x + i, n - i)), d, y + i, n - i);
}

template <class T, class Op>
void map2(std::size_t n, const T* a, const T* b, T* y, Op op) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(op(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, y + i);
  }
  if (i < n) {
    store_first(op(load_first(d, a + i, n - i), load_first(d, b + i, n - i)), d, y + i, n - i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
