#include "gan/metrics/nearest_sheet.h"

#include <algorithm>

#include "gan/metrics/nearest.h"

namespace miniray {
namespace {

std::vector<float> to_float(const std::vector<std::uint8_t>& pixels) {
  return {pixels.begin(), pixels.end()};
}

std::vector<std::int64_t> nearest_in_pixels(const ThreadBudget& threads, const Images& samples,
                                            const PictureReader& read, std::int64_t count) {
  NearestSearch search(threads, samples.image_bytes(), to_float(samples.pixels));
  for (std::int64_t first = 0; first < count; first += kFeatureChunk) {
    search.add(to_float(read(first, std::min(kFeatureChunk, count - first)).pixels));
  }
  return search.indices();
}

}  // namespace

Images nearest_pictures(const ThreadBudget& threads, const Images& samples,
                        std::span<const float> features, const PictureSource& source,
                        const std::function<void(const VectorSink&)>& each_vector) {
  const std::int64_t width = static_cast<std::int64_t>(features.size()) / samples.count;
  NearestSearch search(threads, width, {features.begin(), features.end()});
  each_vector([&](std::span<const float> vectors) { search.add(vectors); });
  const PictureReader read = source.open(threads);
  const auto in_pixels = nearest_in_pixels(threads, samples, read, source.count);
  Images sheet{3 * samples.count, samples.height, samples.width, samples.channels, {}};
  const auto append = [&](std::span<const std::uint8_t> picture) {
    sheet.pixels.insert(sheet.pixels.end(), picture.begin(), picture.end());
  };
  for (std::int64_t i = 0; i < samples.count; ++i) {
    append(samples.image(i));
    append(read(search.indices()[static_cast<std::size_t>(i)], 1).pixels);
    append(read(in_pixels[static_cast<std::size_t>(i)], 1).pixels);
  }
  return sheet;
}

}  // namespace miniray
