#include "engine/kernels/conv_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/conv_tiles.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/indirect_kernel-inl.h"
#include "engine/kernels/micro_kernel-inl.h"
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

// operand(row): of the tile that begins there.
template <class T, class OperandOf>
HWY_INLINE void multiply_tiles(std::int64_t row_count, std::int64_t depth, OperandOf operand,
                               const T* panel, bool add, T* sums) {
  constexpr std::int64_t kColumns = TileSize<T>::kColumns;
  const Store store = add ? Store::kAdd : Store::kOverwrite;
  for_each_row_tile<T>(row_count, [&](std::int64_t row, std::int64_t height) HWY_ATTR {
    multiply_tile<T>(height, depth, operand(row), PackedPanel<T>{panel}, store,
                     RowTile<T>{sums + row * kColumns, kColumns});
  });
}

template <class T>
void multiply_rows(std::int64_t row_count, std::int64_t depth, const T* source, std::int64_t stride,
                   const T* panel, bool add, T* sums) {
  multiply_tiles(
      row_count, depth,
      [&](std::int64_t row) HWY_ATTR {
        return InRows<T>{source + row * stride, stride};
      },
      panel, add, sums);
}

template <class T>
void multiply_columns(std::int64_t row_count, std::int64_t depth, const T* source,
                      std::int64_t stride, const T* panel, bool add, T* sums) {
  multiply_tiles(
      row_count, depth,
      [&](std::int64_t row) HWY_ATTR {
        return InColumns<T>{source + row, stride};
      },
      panel, add, sums);
}

// Vectors of pixels whose sums, for the most channels, leave registers for one of them and for the
// weights.
template <class T>
constexpr std::int64_t kPixelVectors = TileSize<T>::kRows / 2;

template <class T, int kChannels>
HWY_NOINLINE void multiply_pixels_of(std::int64_t depth, const std::int32_t* HWY_RESTRICT steps,
                                     const T* HWY_RESTRICT source, const T* HWY_RESTRICT weights,
                                     bool add, T* HWY_RESTRICT sums, std::int64_t sums_stride) {
  constexpr std::int64_t kLanes = TileSize<T>::kLanes;
  constexpr int kVectors = kPixelVectors<T>;
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> total[kChannels][kVectors];
  for (int t = 0; t < kChannels; ++t) {
    for (int v = 0; v < kVectors; ++v) total[t][v] = hn::Zero(d);
  }
  for (std::int64_t p = 0; p < depth; ++p, weights += kChannels) {
    const T* const pixels = source + steps[p];
    HWY_UNROLL(6)
    for (int v = 0; v < kVectors; ++v) {
      const auto pixel = hn::LoadU(d, pixels + v * kLanes);
      HWY_UNROLL(4)
      for (int t = 0; t < kChannels; ++t) {
        total[t][v] = hn::MulAdd(hn::Set(d, weights[t]), pixel, total[t][v]);
      }
    }
  }
  for (int t = 0; t < kChannels; ++t) {
    for (int v = 0; v < kVectors; ++v) {
      T* const to = sums + t * sums_stride + v * kLanes;
      hn::StoreU(add ? hn::Add(hn::LoadU(d, to), total[t][v]) : total[t][v], d, to);
    }
  }
}

template <class T, int kChannels = kMostNarrowChannels>
void multiply_pixels(std::int64_t channels, std::int64_t depth, const std::int32_t* steps,
                     const T* source, const T* weights, bool add, T* sums,
                     std::int64_t sums_stride) {
  if (channels == kChannels) {
    return multiply_pixels_of<T, kChannels>(depth, steps, source, weights, add, sums, sums_stride);
  }
  if constexpr (kChannels > 1) {
    multiply_pixels<T, kChannels - 1>(channels, depth, steps, source, weights, add, sums,
                                      sums_stride);
  }
}

template <class T>
void transpose_block(std::int64_t rows, std::int64_t columns, const T* from,
                     std::int64_t from_stride, T* to, std::int64_t to_stride) {
  transpose(rows, columns, from, from_stride, to, to_stride);
}

// A vector of 128 bits, four floats: rows of small pictures are no longer.
template <class T>
using ShortTag = hn::CappedTag<T, 16 / sizeof(T)>;

template <class T>
void copy_rows(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_stride,
               T* to, std::int64_t to_stride) {
  const ShortTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < rows; ++r, from += from_stride, to += to_stride) {
    std::int64_t c = 0;
    for (; c + lanes <= columns; c += lanes) hn::StoreU(hn::LoadU(d, from + c), d, to + c);
    for (; c < columns; ++c) to[c] = from[c];
  }
}

template <class T>
void interleave(std::int64_t rows, std::int64_t columns, const T* even, const T* odd, T* to,
                std::int64_t to_stride) {
  for (std::int64_t r = 0; r < rows; ++r, even += columns, odd += columns, to += to_stride) {
    std::int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
    const ShortTag<T> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (; c + lanes <= columns; c += lanes) {
      const auto a = hn::LoadU(d, even + c), b = hn::LoadU(d, odd + c);
      hn::StoreU(hn::InterleaveLower(d, a, b), d, to + 2 * c);
      hn::StoreU(hn::InterleaveUpper(d, a, b), d, to + 2 * c + lanes);
    }
#endif
    for (; c < columns; ++c) {
      to[2 * c] = even[c];
      to[2 * c + 1] = odd[c];
    }
  }
}

template <class T>
constexpr ConvKernels<T> kConvKernels = {
    .columns = TileSize<T>::kColumns,
    .pixel_block = kPixelVectors<T>* TileSize<T>::kLanes,
    .multiply = multiply<T>,
    .multiply_rows = multiply_rows<T>,
    .multiply_columns = multiply_columns<T>,
    .multiply_pixels = multiply_pixels<T>,
    .transpose = transpose_block<T>,
    .copy_rows = copy_rows<T>,
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
