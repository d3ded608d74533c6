#include "engine/kernels/conv_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/conv_tiles.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/indirect_kernel-inl.h"
#include "engine/kernels/transpose-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

template <class T>
void multiply(std::int64_t row_count, const std::int32_t* rows, std::int64_t depth,
              const std::int32_t* steps, const T* source, const T* panel, bool add, T* sums) {
  const Store store = add ? Store::kAdd : Store::kOverwrite;
  for_each_row_tile<T>(row_count, [&](std::int64_t row, std::int64_t height) HWY_ATTR {
    multiply_indirect(height, rows + row, depth, steps, source, panel, store,
                      sums + row * TileSize<T>::kColumns);
  });
}

template <class T>
void transpose_block(std::int64_t rows, std::int64_t columns, const T* from,
                     std::int64_t from_stride, T* to, std::int64_t to_stride) {
  transpose(rows, columns, from, from_stride, to, to_stride);
}

template <class T>
void interleave(std::int64_t count, const T* even, const T* odd, T* to) {
  std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  constexpr std::int64_t kLanes = TileSize<T>::kLanes;
  for (; i + kLanes <= count; i += kLanes) {
    hn::StoreInterleaved2(hn::LoadU(d, even + i), hn::LoadU(d, odd + i), d, to + 2 * i);
  }
#endif
  for (; i < count; ++i) {
    to[2 * i] = even[i];
    to[2 * i + 1] = odd[i];
  }
}

template <class T>
constexpr ConvKernels<T> kConvKernels = {
    .columns = TileSize<T>::kColumns,
    .multiply = multiply<T>,
    .transpose = transpose_block<T>,
    .interleave = interleave<T>,
};

const ConvKernels<float>* conv_kernels_float() { return &kConvKernels<float>; }
const ConvKernels<double>* conv_kernels_double() { return &kConvKernels<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(conv_kernels_float);
HWY_EXPORT(conv_kernels_double);

template <>
const ConvKernels<float>& conv_kernels() {
  return *HWY_DYNAMIC_DISPATCH(conv_kernels_float)();
}
template <>
const ConvKernels<double>& conv_kernels() {
  return *HWY_DYNAMIC_DISPATCH(conv_kernels_double)();
}

}  // namespace miniray
#endif
