#include "gan/metrics/inception_input.h"

#include <algorithm>
#include <array>

namespace miniray {
namespace {

// Bytes as floats of [0, 1].
std::array<float, 256> make_levels() {
  std::array<float, 256> levels{};
  for (std::size_t byte = 0; byte < levels.size(); ++byte) {
    levels[byte] = static_cast<float>(byte) / 255.0F;
  }
  return levels;
}

float mix(float a, float b, float weight) { return a * (1 - weight) + b * weight; }

}  // namespace

std::vector<ResizeTap> resize_taps(std::int64_t extent, std::int64_t out_extent) {
  std::vector<ResizeTap> taps;
  const float scale = static_cast<float>(extent) / static_cast<float>(out_extent);
  for (std::int64_t i = 0; i < out_extent; ++i) {
    const float at = std::max(0.0F, (static_cast<float>(i) + 0.5F) * scale - 0.5F);
    const auto first = std::min(static_cast<std::int64_t>(at), extent - 1);
    taps.push_back({first, std::min(first + 1, extent - 1), at - static_cast<float>(first)});
  }
  return taps;
}

void fill_inception_input(const ThreadBudget& threads, const Images& images, std::int64_t first,
                          const ChannelsLast<float>& y) {
  const std::array<float, 256> levels = make_levels();
  const auto rows = resize_taps(images.height, y.height);
  const auto columns = resize_taps(images.width, y.width);
  const std::int64_t channels = images.channels;
  threads.for_each_tile(y.images * y.height, [&](std::int64_t tile) {
    const std::int64_t image = tile / y.height, i = tile % y.height;
    const ResizeTap& row = rows[static_cast<std::size_t>(i)];
    const std::uint8_t* const picture = images.image(first + image).data();
    const std::uint8_t* const above = picture + row.first * images.width * channels;
    const std::uint8_t* const below = picture + row.second * images.width * channels;
    float* to = y.row(image, i);
    for (const ResizeTap& column : columns) {
      for (std::int64_t c = 0; c < y.channels; ++c) {
        const std::int64_t channel = std::min(c, channels - 1);
        const std::int64_t left = column.first * channels + channel;
        const std::int64_t right = column.second * channels + channel;
        const float top = mix(levels[above[left]], levels[above[right]], column.weight);
        const float bottom = mix(levels[below[left]], levels[below[right]], column.weight);
        to[c] = 2 * mix(top, bottom, row.weight) - 1;
      }
      to += y.pixel_stride;
    }
  });
}

}  // namespace miniray
