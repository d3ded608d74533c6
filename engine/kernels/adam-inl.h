// Adam on vectors, for the SIMD target that is being compiled: one formula for the optimizer's pass
// over a buffer and for the product that makes the gradient, so that both give the same bits.
#if defined(MINIRAY_ADAM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_ADAM_INL_H_
#undef MINIRAY_ADAM_INL_H_
#else
#define MINIRAY_ADAM_INL_H_
#endif

#include <array>
#include <cstddef>
#include <type_traits>

#include "engine/kernels/adam.h"
#include "engine/kernels/bfloat16-inl.h"
#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 16 random bits of elements first, first + 1, .. in as many lanes: of a key drawn at random, the
// integer hash "lowbias32" of Wellons (nullprogram.com/blog/2018/07/31), keyed before each of its
// two products.
HWY_INLINE hn::Vec<FloatBits> rounding_bits(const std::array<std::uint32_t, 2>& key,
                                            std::uint32_t first) {
  const FloatBits d;
  auto x = hn::Xor(hn::Iota(d, first), hn::Set(d, key[0]));
  x = hn::Xor(x, hn::ShiftRight<16>(x));
  x = hn::Add(hn::Mul(x, hn::Set(d, 0x7FEB352DU)), hn::Set(d, key[1]));
  x = hn::Xor(x, hn::ShiftRight<15>(x));
  x = hn::Mul(x, hn::Set(d, 0x846CA68BU));
  return hn::ShiftRight<16>(x);
}

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

  // Updates elements [at, at + n) of the spans, and leaves g, n elements, at zero.
  HWY_INLINE void update(const AdamSpans<T>& spans, std::size_t at, std::size_t n,
                         T* HWY_RESTRICT g) const {
    if constexpr (std::is_same_v<T, float>) {
      if (!spans.rounded.m.empty()) return update_rounded(spans, at, n, g);
    }
    update_exact(n, spans.w.data() + at, g, spans.m.data() + at, spans.v.data() + at);
  }

 private:
  HWY_INLINE void apply(V& w, V g, V& m, V& v) const {
    m = hn::MulAdd(m, beta1, hn::Mul(g, rest1));
    v = hn::MulAdd(v, beta2, hn::Mul(hn::Mul(g, g), rest2));
    const V denominator = hn::MulAdd(hn::Sqrt(v), inverse_root_bias2, epsilon);
    w = hn::NegMulAdd(step_size, hn::Div(m, denominator), w);
  }

  HWY_INLINE void update_exact(std::size_t n, T* HWY_RESTRICT w, T* HWY_RESTRICT g,
                               T* HWY_RESTRICT m, T* HWY_RESTRICT v) const {
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

  HWY_INLINE void update_rounded(const AdamSpans<T>& spans, std::size_t at, std::size_t n,
                                 T* HWY_RESTRICT g) const {
    const D d;
    const Bfloat16Lanes half;
    const std::size_t lanes = hn::Lanes(d);
    T* HWY_RESTRICT const w = spans.w.data() + at;
    auto* HWY_RESTRICT const m = reinterpret_cast<std::uint16_t*>(spans.rounded.m.data()) + at;
    auto* HWY_RESTRICT const v = reinterpret_cast<std::uint16_t*>(spans.rounded.v.data()) + at;
    const std::uint32_t first = spans.rounded.first + static_cast<std::uint32_t>(at);
    const auto update = [&](std::size_t i, auto load, auto store) HWY_ATTR {
      auto wi = load(d, w + i), mi = widened(load(half, m + i)), vi = widened(load(half, v + i));
      apply(wi, load(d, g + i), mi, vi);
      store(wi, d, w + i);
      store(rounded(mi), half, m + i);
      const auto bits = rounding_bits(spans.rounded.key, first + static_cast<std::uint32_t>(i));
      store(rounded_at_random(vi, bits), half, v + i);
      store(hn::Zero(d), d, g + i);
    };
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      update(
          i, [](auto tag, const auto* from) HWY_ATTR { return hn::LoadU(tag, from); },
          [](auto vector, auto tag, auto* to) HWY_ATTR { hn::StoreU(vector, tag, to); });
    }
    const std::size_t rest = n - i;
    if (rest == 0) return;
    update(
        i, [&](auto tag, const auto* from) HWY_ATTR { return load_first(tag, from, rest); },
        [&](auto vector, auto tag, auto* to) HWY_ATTR { store_first(vector, tag, to, rest); });
  }

  V beta1, rest1, beta2, rest2, epsilon, step_size, inverse_root_bias2;
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
