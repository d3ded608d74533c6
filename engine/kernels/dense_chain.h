// Dense layers of a network that is only run, one behind the other, single precision.
//
// Samples stand in panels of `columns` side by side: [features, columns], as gemm_panels.h packs
// them. Weights are broadcast where they lie, so a product's tiles come out in the layout that the
// next one reads, and nothing is transposed or packed between two layers. Every number has the bits
// that gemm_nt, the activation's kernel and NormKernels::normalise give. Functions use the calling
// thread only and allocate nothing.
#pragma once

#include <cstdint>

namespace miniray {

// y = x W^T + bias; then, where wanted, max(y, 0); then, where there is a mean,
// (y - mean) inverse_deviation scale + shift.
struct ChainLayer {
  std::int64_t in = 0, out = 0;
  const float* weight = nullptr;  // [out, in], in layout_for(in)
  const float* bias = nullptr;    // [out], as the others
  bool relu = false;
  const float* mean = nullptr;
  const float* inverse_deviation = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
};

struct ChainKernels {
  static constexpr std::int64_t kMaxRows = 64;  // features of a piece

  std::int64_t columns;

  // Features [first, first + rows) of y's panels from all of x's. samples: a multiple of columns.
  void (*layer_piece)(const ChainLayer& layer, std::int64_t samples, const float* x,
                      std::int64_t first, std::int64_t rows, float* y);
  // The same of tanh(y), as the bytes of pixels_from_planes. Four features of a sample stand
  // together: y's panels are [out / 4, columns, 4]. out, first and rows are multiples of 4.
  void (*pixel_piece)(const ChainLayer& layer, std::int64_t samples, const float* x,
                      std::int64_t first, std::int64_t rows, std::uint8_t* y);
  // hwc [samples, pixels, channels] from one such panel, whose features are [channels, pixels].
  // samples: at most columns. channels: 1 or 3; pixels: a multiple of 4.
  void (*pictures)(std::int64_t channels, std::int64_t pixels, std::int64_t samples,
                   const std::uint8_t* panel, std::uint8_t* hwc);
};

// Those of the SIMD target in use.
const ChainKernels& chain_kernels();

}  // namespace miniray
