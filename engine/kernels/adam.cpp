#include "engine/kernels/adam.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/adam.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

template <class T>
struct AdamVectors {
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

  // Updates w, m, v.
  void apply(V& w, V g, V& m, V& v) const {
    m = hn::MulAdd(m, beta1, hn::Mul(g, rest1));
    v = hn::MulAdd(v, beta2, hn::Mul(hn::Mul(g, g), rest2));
    const V denominator = hn::MulAdd(hn::Sqrt(v), inverse_root_bias2, epsilon);
    w = hn::NegMulAdd(step_size, hn::Div(m, denominator), w);
  }

  V beta1, rest1, beta2, rest2, epsilon, step_size, inverse_root_bias2;
};

template <class T>
void adam_update_spans(const AdamFactors<T>& factors, std::span<T> w, std::span<T> g,
                       std::span<T> m, std::span<T> v) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const AdamVectors<T> adam(factors);
  std::size_t i = 0;
  for (; i + lanes <= w.size(); i += lanes) {
    auto wi = hn::LoadU(d, &w[i]), mi = hn::LoadU(d, &m[i]), vi = hn::LoadU(d, &v[i]);
    adam.apply(wi, hn::LoadU(d, &g[i]), mi, vi);
    hn::StoreU(wi, d, &w[i]);
    hn::StoreU(mi, d, &m[i]);
    hn::StoreU(vi, d, &v[i]);
    hn::StoreU(hn::Zero(d), d, &g[i]);
  }
  const std::size_t rest = w.size() - i;
  if (rest == 0) return;
  auto wi = load_first(d, &w[i], rest), mi = load_first(d, &m[i], rest),
       vi = load_first(d, &v[i], rest);
  adam.apply(wi, load_first(d, &g[i], rest), mi, vi);
  store_first(wi, d, &w[i], rest);
  store_first(mi, d, &m[i], rest);
  store_first(vi, d, &v[i], rest);
  store_first(hn::Zero(d), d, &g[i], rest);
}

void adam_float(const AdamFactors<float>& f, std::span<float> w, std::span<float> g,
                std::span<float> m, std::span<float> v) {
  adam_update_spans(f, w, g, m, v);
}
void adam_double(const AdamFactors<double>& f, std::span<double> w, std::span<double> g,
                 std::span<double> m, std::span<double> v) {
  adam_update_spans(f, w, g, m, v);
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(adam_float);
HWY_EXPORT(adam_double);

template <>
void adam_update(const AdamFactors<float>& f, std::span<float> w, std::span<float> g,
                 std::span<float> m, std::span<float> v) {
  HWY_DYNAMIC_DISPATCH(adam_float)(f, w, g, m, v);
}
template <>
void adam_update(const AdamFactors<double>& f, std::span<double> w, std::span<double> g,
                 std::span<double> m, std::span<double> v) {
  HWY_DYNAMIC_DISPATCH(adam_double)(f, w, g, m, v);
}

}  // namespace miniray
#endif
