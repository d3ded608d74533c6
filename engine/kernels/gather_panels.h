// Target channels of a gather in panels, as the micro-kernel wants them, and the weights of one.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/kernels/conv_gather.h"
#include "engine/kernels/conv_tiles.h"

namespace miniray {

// Target channels of a panel that is `width` wide.
inline std::int64_t panel_channels(const Gather& g, std::int64_t width, std::int64_t panel) {
  return std::min(width, g.target_channels - panel * width);
}

// taps [kernel x kernel][width]: the weights between a source channel and a panel's, zeros past the
// last one. Calling thread only.
template <class T>
void copy_taps(const Gather& g, const T* w, std::int64_t width, std::int64_t panel,
               std::int64_t source_channel, T* taps) {
  const std::int64_t count = g.taps(), channels = panel_channels(g, width, panel);
  if (channels < width) std::fill_n(taps, count * width, T{0});
  conv_kernels<T>().transpose(
      channels, count, w + panel * width * g.w_target_stride + source_channel * g.w_source_stride,
      g.w_target_stride, taps, width);
}

}  // namespace miniray
