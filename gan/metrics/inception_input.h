// Pictures as the FID's Inception-v3 takes them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/kernels/channels_last.h"
#include "engine/parallel.h"
#include "gan/images.h"

namespace miniray {

// Along one axis: output i is first (1 - weight) + second weight of these two elements.
struct ResizeTap {
  std::int64_t first, second;
  float weight;
};

// Bilinear, the pixels' centres aligned, nothing filtered where it shrinks: as
// torch.nn.functional.interpolate does it with align_corners=False.
std::vector<ResizeTap> resize_taps(std::int64_t extent, std::int64_t out_extent);

// Bytes of pictures [H, W, 1 or 3] as 3 channels of [-1, 1], resized to y's extents; grey becomes
// three equal channels. y: images.count pictures.
void fill_inception_input(const ThreadBudget& threads, const Images& images, std::int64_t first,
                          const ChannelsLast<float>& y);

}  // namespace miniray
