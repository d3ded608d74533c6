// Vectors of channels: what inference_conv.cpp and channels_last_pool.cpp are made of, beside
// conv_tiles.h. Calling thread only.
#pragma once

#include <cstdint>

namespace miniray {

struct ChannelsLastKernels {
  // y[places[r] + c] = max(sums[r, c] + bias[c], floor) for r < rows, c < channels; rows of sums
  // are sums_stride apart.
  void (*finish)(std::int64_t rows, std::int64_t channels, const float* sums,
                 std::int64_t sums_stride, const float* bias, float floor,
                 const std::int64_t* places, float* y);
  // y[c] = the largest of sources[s][c], s < count; or their sum times `scale`.
  void (*largest)(std::int64_t channels, std::int64_t count, const float* const* sources, float* y);
  void (*scaled_sum)(std::int64_t channels, std::int64_t count, const float* const* sources,
                     float scale, float* y);
};

// The kernels of the SIMD target in use.
const ChannelsLastKernels& channels_last_kernels();

}  // namespace miniray
