#include "engine/kernels/elementwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/elementwise.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/simd-inl.h"
#include "engine/kernels/tanh-inl.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

template <class T>
using Vector = hn::Vec<hn::ScalableTag<T>>;
template <class T>
constexpr hn::ScalableTag<T> kTag{};

template <class T>
void relu_forward(std::span<const T> x, std::span<T> y) {
  const auto zero = hn::Zero(kTag<T>);
  map(x.size(), x.data(), y.data(), [&](Vector<T> v) HWY_ATTR { return hn::Max(v, zero); });
}

template <class T>
void relu_backward(std::span<const T> y, std::span<const T> dy, std::span<T> dx) {
  const auto zero = hn::Zero(kTag<T>);
  map2(y.size(), y.data(), dy.data(), dx.data(), [&](Vector<T> out, Vector<T> grad) HWY_ATTR {
    return hn::IfThenElseZero(hn::Gt(out, zero), grad);
  });
}

template <class T>
void leaky_relu_forward(T slope, std::span<const T> x, std::span<T> y) {
  const auto zero = hn::Zero(kTag<T>);
  const auto factor = hn::Set(kTag<T>, slope);
  map(x.size(), x.data(), y.data(),
      [&](Vector<T> v) HWY_ATTR { return hn::IfThenElse(hn::Gt(v, zero), v, hn::Mul(v, factor)); });
}

template <class T>
void leaky_relu_backward(T slope, std::span<const T> y, std::span<const T> dy, std::span<T> dx) {
  const auto zero = hn::Zero(kTag<T>);
  const auto factor = hn::Set(kTag<T>, slope);
  map2(y.size(), y.data(), dy.data(), dx.data(), [&](Vector<T> out, Vector<T> grad) HWY_ATTR {
    return hn::IfThenElse(hn::Gt(out, zero), grad, hn::Mul(grad, factor));
  });
}

template <class T>
void tanh_forward(std::span<const T> x, std::span<T> y) {
  map(x.size(), x.data(), y.data(),
      [&](Vector<T> v) HWY_ATTR { return hyperbolic_tangent(kTag<T>, v); });
}

template <class T>
void tanh_backward(std::span<const T> y, std::span<const T> dy, std::span<T> dx) {
  const auto one = hn::Set(kTag<T>, T{1});
  map2(y.size(), y.data(), dy.data(), dx.data(), [&](Vector<T> out, Vector<T> grad) HWY_ATTR {
    return hn::Mul(grad, hn::NegMulAdd(out, out, one));
  });
}

template <class T>
void sigmoid_forward(std::span<const T> x, std::span<T> y) {
  const auto one = hn::Set(kTag<T>, T{1});
  map(x.size(), x.data(), y.data(), [&](Vector<T> v) HWY_ATTR {
    return hn::Div(one, hn::Add(one, hn::Exp(kTag<T>, hn::Neg(v))));
  });
}

template <class T>
void sigmoid_backward(std::span<const T> y, std::span<const T> dy, std::span<T> dx) {
  map2(y.size(), y.data(), dy.data(), dx.data(), [&](Vector<T> out, Vector<T> grad) HWY_ATTR {
    return hn::Mul(grad, hn::NegMulAdd(out, out, out));
  });
}

// At most eight lanes, so that the bits of a vector lie in one byte on every target.
template <class T>
void masked_scale(T scale, std::span<const T> x, std::span<const std::uint8_t> mask,
                  std::span<T> y) {
  const hn::CappedTag<T, 8> d;
  const hn::RebindToUnsigned<decltype(d)> bits;
  using Bits = hn::TFromD<decltype(bits)>;
  const std::size_t lanes = hn::Lanes(d);
  const auto factor = hn::Set(d, scale);
  const auto lane_bit = hn::Shl(hn::Set(bits, Bits{1}), hn::Iota(bits, Bits{0}));
  std::size_t i = 0;
  const auto kept = [&](std::size_t at, auto v) HWY_ATTR {
    const auto byte = hn::Set(bits, static_cast<Bits>(mask[at / 8] >> (at % 8)));
    const auto keep = hn::RebindMask(d, hn::TestBit(byte, lane_bit));
    return hn::IfThenElseZero(keep, hn::Mul(v, factor));
  };
  for (; i + lanes <= x.size(); i += lanes) {
    hn::StoreU(kept(i, hn::LoadU(d, x.data() + i)), d, y.data() + i);
  }
  const std::size_t rest = x.size() - i;
  if (rest > 0) {
    store_first(kept(i, load_first(d, x.data() + i, rest)), d, y.data() + i, rest);
  }
}

template <class T>
void add_scaled(T a, std::span<const T> x, std::span<T> y) {
  const auto factor = hn::Set(kTag<T>, a);
  map2(x.size(), x.data(), y.data(), y.data(),
       [&](Vector<T> in, Vector<T> sum) HWY_ATTR { return hn::MulAdd(factor, in, sum); });
}

template <class T>
void approach(T a, std::span<const T> x, std::span<T> y) {
  const auto factor = hn::Set(kTag<T>, a);
  map2(x.size(), x.data(), y.data(), y.data(), [&](Vector<T> target, Vector<T> value) HWY_ATTR {
    return hn::MulAdd(factor, hn::Sub(target, value), value);
  });
}

template <class T>
void add_and_scale(T scale, std::span<const T> x, std::span<T> y) {
  const auto factor = hn::Set(kTag<T>, scale);
  map2(x.size(), x.data(), y.data(), y.data(),
       [&](Vector<T> in, Vector<T> sum) HWY_ATTR { return hn::Mul(factor, hn::Add(sum, in)); });
}

template <class T>
constexpr ElementwiseKernels<T> kElementwise = {
    .relu_forward = relu_forward<T>,
    .relu_backward = relu_backward<T>,
    .leaky_relu_forward = leaky_relu_forward<T>,
    .leaky_relu_backward = leaky_relu_backward<T>,
    .tanh_forward = tanh_forward<T>,
    .tanh_backward = tanh_backward<T>,
    .sigmoid_forward = sigmoid_forward<T>,
    .sigmoid_backward = sigmoid_backward<T>,
    .masked_scale = masked_scale<T>,
    .add_and_scale = add_and_scale<T>,
    .add_scaled = add_scaled<T>,
    .approach = approach<T>,
};

const ElementwiseKernels<float>* elementwise_float() { return &kElementwise<float>; }
const ElementwiseKernels<double>* elementwise_double() { return &kElementwise<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(elementwise_float);
HWY_EXPORT(elementwise_double);

template <>
const ElementwiseKernels<float>& elementwise() {
  return *HWY_DYNAMIC_DISPATCH(elementwise_float)();
}
template <>
const ElementwiseKernels<double>& elementwise() {
  return *HWY_DYNAMIC_DISPATCH(elementwise_double)();
}

}  // namespace miniray
#endif
