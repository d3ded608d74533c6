#include "engine/kernels/norm.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/norm.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

// Calls body(element offset in the block, column, load, store) row by row.
template <class T, class Body>
void for_each_vector(const Block& block, Body body) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t whole = block.columns / lanes * lanes;
  const auto rest = static_cast<std::size_t>(block.columns - whole);
  for (std::int64_t r = 0; r < block.rows; ++r) {
    const std::int64_t row = r * block.stride;
    for (std::int64_t c = 0; c < whole; c += lanes) {
      body(
          row + c, c, [&](const T* from) HWY_ATTR { return hn::LoadU(d, from); },
          [&](hn::Vec<decltype(d)> v, T* to) HWY_ATTR { hn::StoreU(v, d, to); });
    }
    if (rest == 0) continue;
    body(
        row + whole, whole, [&](const T* from) HWY_ATTR { return load_first(d, from, rest); },
        [&](hn::Vec<decltype(d)> v, T* to) HWY_ATTR { store_first(v, d, to, rest); });
  }
}

template <class T>
void normalise(const Block& block, const T* x, const T* mean, const T* inverse_deviation,
               const T* weight, const T* bias, T* y) {
  for_each_vector<T>(block, [&](std::int64_t at, std::int64_t c, auto load, auto store) HWY_ATTR {
    const auto unit = hn::Mul(hn::Sub(load(x + at), load(mean + c)), load(inverse_deviation + c));
    store(hn::MulAdd(unit, load(weight + c), load(bias + c)), y + at);
  });
}

template <class T>
void backward_input(const Block& block, const T* x, const T* dy, const T* mean, const T* scale,
                    const T* a, const T* b, T* dx) {
  for_each_vector<T>(block, [&](std::int64_t at, std::int64_t c, auto load, auto store) HWY_ATTR {
    const auto distance = hn::Sub(load(x + at), load(mean + c));
    const auto centred = hn::Sub(load(dy + at), load(a + c));
    store(hn::Mul(load(scale + c), hn::NegMulAdd(distance, load(b + c), centred)), dx + at);
  });
}

template <class T>
void normalise_block(const Block& block, const T* x, T mean, T inverse_deviation, T weight, T bias,
                     T* y) {
  const hn::ScalableTag<T> d;
  const auto centre = hn::Set(d, mean), factor = hn::Set(d, inverse_deviation);
  const auto w = hn::Set(d, weight), b = hn::Set(d, bias);
  for_each_vector<T>(block, [&](std::int64_t at, std::int64_t, auto load, auto store) HWY_ATTR {
    store(hn::MulAdd(hn::Mul(hn::Sub(load(x + at), centre), factor), w, b), y + at);
  });
}

template <class T>
void backward_input_block(const Block& block, const T* x, const T* dy, T mean, T scale, T a, T b,
                          T* dx) {
  const hn::ScalableTag<T> d;
  const auto centre = hn::Set(d, mean), factor = hn::Set(d, scale);
  const auto offset = hn::Set(d, a), slope = hn::Set(d, b);
  for_each_vector<T>(block, [&](std::int64_t at, std::int64_t, auto load, auto store) HWY_ATTR {
    const auto distance = hn::Sub(load(x + at), centre);
    const auto scaled = hn::MulSub(load(dy + at), factor, offset);
    store(hn::NegMulAdd(distance, slope, scaled), dx + at);
  });
}

template <class T>
constexpr NormKernels<T> kNorm = {.normalise = normalise<T>,
                                  .backward_input = backward_input<T>,
                                  .normalise_block = normalise_block<T>,
                                  .backward_input_block = backward_input_block<T>};

const NormKernels<float>* norm_float() { return &kNorm<float>; }
const NormKernels<double>* norm_double() { return &kNorm<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(norm_float);
HWY_EXPORT(norm_double);

template <>
const NormKernels<float>& norm() {
  return *HWY_DYNAMIC_DISPATCH(norm_float)();
}
template <>
const NormKernels<double>& norm() {
  return *HWY_DYNAMIC_DISPATCH(norm_double)();
}

template <class T>
void column_statistics(const Block& block, const T* x, T epsilon, T* mean, T* variance,
                       T* inverse_deviation) {
  const T rows = static_cast<T>(block.rows);
  std::fill_n(mean, block.columns, T{0});
  reduce<T>().add_column_sums(block, x, mean);
  for (std::int64_t c = 0; c < block.columns; ++c) mean[c] /= rows;
  reduce<T>().column_squares(block, x, mean, variance);
  for (std::int64_t c = 0; c < block.columns; ++c) {
    variance[c] /= rows;
    inverse_deviation[c] = 1 / std::sqrt(variance[c] + epsilon);
  }
}

template void column_statistics(const Block&, const float*, float, float*, float*, float*);
template void column_statistics(const Block&, const double*, double, double*, double*, double*);

}  // namespace miniray
#endif
