// Adam on vectors, for the SIMD target that is being compiled: one formula for the optimizer's pass
// over a buffer and for the product that makes the gradient, so that both give the same bits.
#if defined(MINIRAY_ADAM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_ADAM_INL_H_
#undef MINIRAY_ADAM_INL_H_
#else
#define MINIRAY_ADAM_INL_H_
#endif

#include <cstddef>

#include "engine/kernels/adam.h"
#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
class AdamVectors {
 public:
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;

  explicit AdamVectors(const AdamFactors<T>& f)
      : beta1(hn::Set(D(), f.beta1)),
        rest1(hn::Set(D(), f.rest1)),
        beta2(hn::Set(D(), f.beta2)),
        rest2(hn::Set(D(), f.rest2)),
        epsilon(hn::Set(D(), f.epsilon)),
        step_size(hn::Set(D(), f.step_size)),
        inverse_root_bias2(hn::Set(D(), f.inverse_root_bias2)) {}

  // Updates n elements of w, m and v, and leaves g at zero.
  HWY_INLINE void update(std::size_t n, T* HWY_RESTRICT w, T* HWY_RESTRICT g, T* HWY_RESTRICT m,
                         T* HWY_RESTRICT v) const {
    const D d;
    const std::size_t lanes = hn::Lanes(d);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      auto wi = hn::LoadU(d, w + i), mi = hn::LoadU(d, m + i), vi = hn::LoadU(d, v + i);
      apply(wi, hn::LoadU(d, g + i), mi, vi);
      hn::StoreU(wi, d, w + i);
      hn::StoreU(mi, d, m + i);
      hn::StoreU(vi, d, v + i);
      hn::StoreU(hn::Zero(d), d, g + i);
    }
    const std::size_t rest = n - i;
    if (rest == 0) return;
    auto wi = load_first(d, w + i, rest), mi = load_first(d, m + i, rest),
         vi = load_first(d, v + i, rest);
    apply(wi, load_first(d, g + i, rest), mi, vi);
    store_first(wi, d, w + i, rest);
    store_first(mi, d, m + i, rest);
    store_first(vi, d, v + i, rest);
    store_first(hn::Zero(d), d, g + i, rest);
  }

 private:
  HWY_INLINE void apply(V& w, V g, V& m, V& v) const {
    m = hn::MulAdd(m, beta1, hn::Mul(g, rest1));
    v = hn::MulAdd(v, beta2, hn::Mul(hn::Mul(g, g), rest2));
    const V denominator = hn::MulAdd(hn::Sqrt(v), inverse_root_bias2, epsilon);
    w = hn::NegMulAdd(step_size, hn::Div(m, denominator), w);
  }

  V beta1, rest1, beta2, rest2, epsilon, step_size, inverse_root_bias2;
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
