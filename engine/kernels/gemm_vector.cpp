#include "engine/kernels/gemm_vector.h"

#include <algorithm>

#include "engine/kernels/gemm_panels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/gemm_vector.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

// kVectors vectors of c at once: so many sums hide how long a multiply-add takes.
template <class T, int kVectors>
HWY_INLINE void add_block_of_row(std::int64_t k, std::int64_t stride, const T* HWY_RESTRICT a,
                                 const T* HWY_RESTRICT b, T* HWY_RESTRICT c) {
  const hn::ScalableTag<T> d;
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  hn::Vec<decltype(d)> sums[kVectors];
  for (int v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  for (std::int64_t p = 0; p < k; ++p) {
    const auto broadcast = hn::Set(d, a[p]);
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = hn::MulAdd(broadcast, hn::LoadU(d, b + p * stride + v * kLanes), sums[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    hn::StoreU(hn::Add(hn::LoadU(d, c + v * kLanes), sums[v]), d, c + v * kLanes);
  }
}

template <class T>
HWY_INLINE void add_end_of_row(std::int64_t k, std::size_t count, std::int64_t stride, const T* a,
                               const T* b, T* c) {
  const hn::ScalableTag<T> d;
  auto sum = hn::Zero(d);
  for (std::int64_t p = 0; p < k; ++p) {
    sum = hn::MulAdd(hn::Set(d, a[p]), load_first(d, b + p * stride, count), sum);
  }
  store_first(hn::Add(load_first(d, c, count), sum), d, c, count);
}

template <class T>
void add_row(std::int64_t k, std::int64_t width, std::int64_t stride, const T* a, const T* b,
             T* c) {
  constexpr int kVectors = 8;
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  constexpr std::int64_t kDepth = PanelKernels<T>::kDepth;
  for (std::int64_t k0 = 0; k0 < k; k0 += kDepth) {
    const std::int64_t depth = std::min(kDepth, k - k0);
    const T* const block = b + k0 * stride;
    std::int64_t i = 0;
    for (; i + kVectors * kLanes <= width; i += kVectors * kLanes) {
      add_block_of_row<T, kVectors>(depth, stride, a + k0, block + i, c + i);
    }
    for (; i + kLanes <= width; i += kLanes) {
      add_block_of_row<T, 1>(depth, stride, a + k0, block + i, c + i);
    }
    if (i < width) {
      add_end_of_row(depth, static_cast<std::size_t>(width - i), stride, a + k0, block + i, c + i);
    }
  }
}

template <class T>
void outer(std::int64_t rows, std::int64_t n, const T* a, const T* b, T* c) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto factor = hn::Set(hn::ScalableTag<T>(), a[r]);
    map(static_cast<std::size_t>(n), b, c + r * n,
        [&](auto x) HWY_ATTR { return hn::Mul(factor, x); });
  }
}

// Each row's sum in lanes of its own, which are added up at the end. Rows side by side hide how
// long a multiply-add takes.
template <class T, int kRows>
HWY_INLINE void dot_rows(std::int64_t k, const T* HWY_RESTRICT a, const T* HWY_RESTRICT b,
                         T* HWY_RESTRICT c) {
  const hn::ScalableTag<T> d;
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  hn::Vec<decltype(d)> sums[kRows];
  for (int r = 0; r < kRows; ++r) sums[r] = hn::Zero(d);
  std::int64_t p = 0;
  for (; p + kLanes <= k; p += kLanes) {
    const auto factor = hn::LoadU(d, b + p);
    for (int r = 0; r < kRows; ++r) {
      sums[r] = hn::MulAdd(hn::LoadU(d, a + r * k + p), factor, sums[r]);
    }
  }
  if (p < k) {
    const auto rest = static_cast<std::size_t>(k - p);
    const auto factor = load_first(d, b + p, rest);
    for (int r = 0; r < kRows; ++r) {
      sums[r] = hn::MulAdd(load_first(d, a + r * k + p, rest), factor, sums[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) c[r] = hn::GetLane(hn::SumOfLanes(d, sums[r]));
}

template <class T>
void dots(std::int64_t rows, std::int64_t k, const T* a, const T* b, T* c) {
  constexpr std::int64_t kRows = 8;
  std::int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) dot_rows<T, kRows>(k, a + r * k, b, c + r);
  for (; r < rows; ++r) dot_rows<T, 1>(k, a + r * k, b, c + r);
}

void add_row_float(std::int64_t k, std::int64_t width, std::int64_t stride, const float* a,
                   const float* b, float* c) {
  add_row(k, width, stride, a, b, c);
}
void add_row_double(std::int64_t k, std::int64_t width, std::int64_t stride, const double* a,
                    const double* b, double* c) {
  add_row(k, width, stride, a, b, c);
}
void outer_float(std::int64_t rows, std::int64_t n, const float* a, const float* b, float* c) {
  outer(rows, n, a, b, c);
}
void outer_double(std::int64_t rows, std::int64_t n, const double* a, const double* b, double* c) {
  outer(rows, n, a, b, c);
}
void dots_float(std::int64_t rows, std::int64_t k, const float* a, const float* b, float* c) {
  dots(rows, k, a, b, c);
}
void dots_double(std::int64_t rows, std::int64_t k, const double* a, const double* b, double* c) {
  dots(rows, k, a, b, c);
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(add_row_float);
HWY_EXPORT(add_row_double);
HWY_EXPORT(outer_float);
HWY_EXPORT(outer_double);
HWY_EXPORT(dots_float);
HWY_EXPORT(dots_double);

template <>
void add_row_product(std::int64_t k, std::int64_t width, std::int64_t stride, const float* a,
                     const float* b, float* c) {
  HWY_DYNAMIC_DISPATCH(add_row_float)(k, width, stride, a, b, c);
}
template <>
void add_row_product(std::int64_t k, std::int64_t width, std::int64_t stride, const double* a,
                     const double* b, double* c) {
  HWY_DYNAMIC_DISPATCH(add_row_double)(k, width, stride, a, b, c);
}
template <>
void outer_product(std::int64_t rows, std::int64_t n, const float* a, const float* b, float* c) {
  HWY_DYNAMIC_DISPATCH(outer_float)(rows, n, a, b, c);
}
template <>
void outer_product(std::int64_t rows, std::int64_t n, const double* a, const double* b, double* c) {
  HWY_DYNAMIC_DISPATCH(outer_double)(rows, n, a, b, c);
}
template <>
void dot_products(std::int64_t rows, std::int64_t k, const float* a, const float* b, float* c) {
  HWY_DYNAMIC_DISPATCH(dots_float)(rows, k, a, b, c);
}
template <>
void dot_products(std::int64_t rows, std::int64_t k, const double* a, const double* b, double* c) {
  HWY_DYNAMIC_DISPATCH(dots_double)(rows, k, a, b, c);
}

}  // namespace miniray
#endif
