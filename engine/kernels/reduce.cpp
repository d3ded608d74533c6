#include "engine/kernels/reduce.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/reduce.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

// Calls body(first column, lanes used, load, store) for each vector of columns, the last one partly
// filled.
template <class T, class Body>
void for_each_column_vector(std::int64_t columns, Body body) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  for (; c + lanes <= columns; c += lanes) {
    body(
        c, [&](const T* from) HWY_ATTR { return hn::LoadU(d, from); },
        [&](hn::Vec<decltype(d)> v, T* to) HWY_ATTR { hn::StoreU(v, d, to); });
  }
  if (c == columns) return;
  const auto rest = static_cast<std::size_t>(columns - c);
  body(
      c, [&](const T* from) HWY_ATTR { return load_first(d, from, rest); },
      [&](hn::Vec<decltype(d)> v, T* to) HWY_ATTR { store_first(v, d, to, rest); });
}

template <class T>
void add_to_rows(const Block& block, const T* row, T* x) {
  for (std::int64_t r = 0; r < block.rows; ++r) {
    map2(static_cast<std::size_t>(block.columns), x + r * block.stride, row, x + r * block.stride,
         [](auto a, auto b) HWY_ATTR { return hn::Add(a, b); });
  }
}

template <class T>
void add_column_sums(const Block& block, const T* x, T* sums) {
  for_each_column_vector<T>(block.columns, [&](std::int64_t c, auto load, auto store) HWY_ATTR {
    auto sum = hn::Zero(hn::ScalableTag<T>());
    for (std::int64_t r = 0; r < block.rows; ++r) {
      sum = hn::Add(sum, load(x + r * block.stride + c));
    }
    store(hn::Add(load(sums + c), sum), sums + c);
  });
}

template <class T>
void column_squares(const Block& block, const T* x, const T* centre, T* sums) {
  for_each_column_vector<T>(block.columns, [&](std::int64_t c, auto load, auto store) HWY_ATTR {
    auto sum = hn::Zero(hn::ScalableTag<T>());
    const auto middle = load(centre + c);
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const auto distance = hn::Sub(load(x + r * block.stride + c), middle);
      sum = hn::MulAdd(distance, distance, sum);
    }
    store(sum, sums + c);
  });
}

template <class T>
void column_products(const Block& block, const T* x, const T* centre, const T* y, T* sums) {
  for_each_column_vector<T>(block.columns, [&](std::int64_t c, auto load, auto store) HWY_ATTR {
    auto sum = hn::Zero(hn::ScalableTag<T>());
    const auto middle = load(centre + c);
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const std::int64_t at = r * block.stride + c;
      sum = hn::MulAdd(hn::Sub(load(x + at), middle), load(y + at), sum);
    }
    store(sum, sums + c);
  });
}

// Adds term(element offset, load) over a block: each row in four chains of vectors, since one would
// wait for itself, and a rest of zeros.
template <class T, class Term>
T sum_of_block(const Block& block, Term term) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  const auto load = [&](const T* from) HWY_ATTR { return hn::LoadU(d, from); };
  for (std::int64_t r = 0; r < block.rows; ++r) {
    const std::int64_t row = r * block.stride;
    std::int64_t c = 0;
    for (; c + 4 * lanes <= block.columns; c += 4 * lanes) {
      sum0 = hn::Add(sum0, term(row + c, load));
      sum1 = hn::Add(sum1, term(row + c + lanes, load));
      sum2 = hn::Add(sum2, term(row + c + 2 * lanes, load));
      sum3 = hn::Add(sum3, term(row + c + 3 * lanes, load));
    }
    for (; c + lanes <= block.columns; c += lanes) sum0 = hn::Add(sum0, term(row + c, load));
    if (c == block.columns) continue;
    const auto rest = static_cast<std::size_t>(block.columns - c);
    const auto part =
        term(row + c, [&](const T* from) HWY_ATTR { return load_first(d, from, rest); });
    sum0 = hn::Add(sum0, hn::IfThenElseZero(hn::FirstN(d, rest), part));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

template <class T>
T block_sum(const Block& block, const T* x) {
  return sum_of_block<T>(block, [&](std::int64_t at, auto load) HWY_ATTR { return load(x + at); });
}

template <class T>
T block_squares(const Block& block, const T* x, T centre) {
  const auto middle = hn::Set(hn::ScalableTag<T>(), centre);
  return sum_of_block<T>(block, [&](std::int64_t at, auto load) HWY_ATTR {
    const auto distance = hn::Sub(load(x + at), middle);
    return hn::Mul(distance, distance);
  });
}

template <class T>
T block_products(const Block& block, const T* x, T centre, const T* y) {
  const auto middle = hn::Set(hn::ScalableTag<T>(), centre);
  return sum_of_block<T>(block, [&](std::int64_t at, auto load) HWY_ATTR {
    return hn::Mul(hn::Sub(load(x + at), middle), load(y + at));
  });
}

template <class T>
constexpr ReduceKernels<T> kReduce = {
    .add_to_rows = add_to_rows<T>,
    .add_column_sums = add_column_sums<T>,
    .column_squares = column_squares<T>,
    .column_products = column_products<T>,
    .block_sum = block_sum<T>,
    .block_squares = block_squares<T>,
    .block_products = block_products<T>,
};

const ReduceKernels<float>* reduce_float() { return &kReduce<float>; }
const ReduceKernels<double>* reduce_double() { return &kReduce<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(reduce_float);
HWY_EXPORT(reduce_double);

template <>
const ReduceKernels<float>& reduce() {
  return *HWY_DYNAMIC_DISPATCH(reduce_float)();
}
template <>
const ReduceKernels<double>& reduce() {
  return *HWY_DYNAMIC_DISPATCH(reduce_double)();
}

}  // namespace miniray
#endif
