#include "gan/data/folder/resize.h"

#include <algorithm>
#include <cmath>

#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr double kSupport = 2;  // of the cubic, to both sides

double cubic(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

// What one pixel of the result is made of: pixels first .. of the source, by these weights.
struct Taps {
  std::int64_t first;
  std::vector<float> weights;
};

// Where the filter reaches beyond the source, the weights of the rest are scaled up.
std::vector<Taps> make_taps(std::int64_t from, std::int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const double stretch = std::max(1.0, step);
  std::vector<Taps> all;
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    const auto end = std::min(from, static_cast<std::int64_t>(centre + kSupport * stretch + 0.5));
    std::vector<double> weights;
    double sum = 0;
    auto first =
        std::max(std::int64_t{0}, static_cast<std::int64_t>(centre - kSupport * stretch + 0.5));
    for (std::int64_t at = first; at < end; ++at) {
      const double weight = cubic((static_cast<double>(at) + 0.5 - centre) / stretch);
      sum += weight;
      if (weight == 0 && weights.empty()) {
        ++first;
      } else {
        weights.push_back(weight);
      }
    }
    while (weights.back() == 0) weights.pop_back();
    Taps taps{first, {}};
    for (const double weight : weights) taps.weights.push_back(static_cast<float>(weight / sum));
    all.push_back(std::move(taps));
  }
  return all;
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F) + 0.5F);
}

}  // namespace

void resize_middle(const RgbPicture& picture, std::int64_t side, std::span<std::uint8_t> chw) {
  const std::int64_t from = std::min(picture.width, picture.height);
  const std::int64_t left = (picture.width - from) / 2, top = (picture.height - from) / 2;
  const std::int64_t row_size = from * kChannels;
  const std::vector<Taps> taps = make_taps(from, side);
  // Down first: rows are long and lie as they are wanted.
  std::vector<float> row(static_cast<std::size_t>(row_size));
  for (std::int64_t y = 0; y < side; ++y) {
    const Taps& down = taps[static_cast<std::size_t>(y)];
    std::ranges::fill(row, 0.0F);
    for (std::size_t k = 0; k < down.weights.size(); ++k) {
      const std::int64_t source_y = top + down.first + static_cast<std::int64_t>(k);
      const std::uint8_t* const source =
          &picture.pixels[static_cast<std::size_t>((source_y * picture.width + left) * kChannels)];
      const float weight = down.weights[k];
      for (std::int64_t i = 0; i < row_size; ++i) {
        row[static_cast<std::size_t>(i)] += weight * static_cast<float>(source[i]);
      }
    }
    for (std::int64_t x = 0; x < side; ++x) {
      const Taps& across = taps[static_cast<std::size_t>(x)];
      float sums[kChannels] = {};
      const float* source = &row[static_cast<std::size_t>(across.first * kChannels)];
      for (const float weight : across.weights) {
        for (float& sum : sums) sum += weight * *source++;
      }
      for (std::int64_t c = 0; c < kChannels; ++c) {
        chw[static_cast<std::size_t>((c * side + y) * side + x)] = to_byte(sums[c]);
      }
    }
  }
}

}  // namespace miniray
