#include <algorithm>
#include <array>
#include <string>

#include "engine/error.h"
#include "engine/kernels/channels_last.h"
#include "engine/kernels/channels_last_tiles.h"

namespace miniray {
namespace {

constexpr std::int64_t kMostWindow = 64;  // elements

void check_extents(const PoolShape& p, const ChannelsLast<const float>& x,
                   const ChannelsLast<float>& y) {
  const auto out = [&](std::int64_t extent) {
    return (extent + 2 * p.padding - p.kernel) / p.stride + 1;
  };
  if (x.images == y.images && x.channels == y.channels && y.height == out(x.height) &&
      y.width == out(x.width) && p.padding < p.kernel && p.kernel * p.kernel <= kMostWindow) {
    return;
  }
  throw invalid_argument("pools of " + std::to_string(x.height) + "x" + std::to_string(x.width) +
                         " pixels are not " + std::to_string(y.height) + "x" +
                         std::to_string(y.width));
}

// Calls body(pointers to the elements of the window, how many, where to) for each pixel of y.
template <class Body>
void for_each_window(const ThreadBudget& threads, const PoolShape& p,
                     const ChannelsLast<const float>& x, const ChannelsLast<float>& y, Body body) {
  check_extents(p, x, y);
  threads.for_each_tile(y.images * y.height, [&](std::int64_t tile) {
    const std::int64_t image = tile / y.height, i = tile % y.height;
    const std::int64_t top = std::max<std::int64_t>(0, i * p.stride - p.padding);
    const std::int64_t bottom = std::min(x.height, i * p.stride - p.padding + p.kernel);
    std::array<const float*, kMostWindow> window{};
    for (std::int64_t j = 0; j < y.width; ++j) {
      const std::int64_t left = std::max<std::int64_t>(0, j * p.stride - p.padding);
      const std::int64_t right = std::min(x.width, j * p.stride - p.padding + p.kernel);
      std::size_t count = 0;
      for (std::int64_t a = top; a < bottom; ++a) {
        for (std::int64_t b = left; b < right; ++b) {
          window[count++] = x.row(image, a) + b * x.pixel_stride;
        }
      }
      body(window.data(), static_cast<std::int64_t>(count), y.row(image, i) + j * y.pixel_stride);
    }
  });
}

}  // namespace

void max_pool(const ThreadBudget& threads, const PoolShape& shape,
              const ChannelsLast<const float>& x, const ChannelsLast<float>& y) {
  for_each_window(threads, shape, x, y,
                  [&](const float* const* window, std::int64_t count, float* to) {
                    channels_last_kernels().largest(x.channels, count, window, to);
                  });
}

void average_pool(const ThreadBudget& threads, const PoolShape& shape,
                  const ChannelsLast<const float>& x, const ChannelsLast<float>& y) {
  for_each_window(threads, shape, x, y,
                  [&](const float* const* window, std::int64_t count, float* to) {
                    channels_last_kernels().scaled_sum(x.channels, count, window,
                                                       1 / static_cast<float>(count), to);
                  });
}

void clear_border(const ThreadBudget& threads, const ChannelsLast<float>& x) {
  if (x.border_height == 0 && x.border_width == 0) return;
  threads.for_each_tile(x.images, [&](std::int64_t image) {
    const std::int64_t sides = x.border_width * x.pixel_stride;
    for (std::int64_t i = -x.border_height; i < x.height + x.border_height; ++i) {
      float* const row = x.row(image, i);
      if (i < 0 || i >= x.height) {
        std::fill_n(row - sides, x.row_stride, 0.0F);
        continue;
      }
      std::fill_n(row - sides, sides, 0.0F);
      std::fill_n(row + x.width * x.pixel_stride, sides, 0.0F);
    }
  });
}

}  // namespace miniray
