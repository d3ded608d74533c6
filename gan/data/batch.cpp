#include "gan/data/batch.h"

#include <algorithm>
#include <array>

#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kSamplesPerTile = 8;

// What each byte of a picture becomes.
constexpr std::array<float, 256> kUnitRange = [] {
  std::array<float, 256> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(static_cast<double>(i) / 127.5 - 1);
  }
  return values;
}();

void mirror(std::span<std::uint8_t> picture, std::int64_t width) {
  for (auto row = picture.begin(); row != picture.end(); row += width) {
    std::reverse(row, row + width);
  }
}

}  // namespace

void fill_batch(const ThreadBudget& threads, const Dataset& dataset,
                std::span<const std::uint32_t> indices, Flip flip, const RandomKey& key,
                std::int64_t first, std::span<float> batch) {
  const Shape shape = dataset.sample_shape();
  const std::int64_t sample_size = shape.elements();
  const auto count = static_cast<std::int64_t>(indices.size());
  for_each_range(threads, count, kSamplesPerTile, [&](std::int64_t begin, std::int64_t size) {
    std::vector<std::uint8_t> picture(static_cast<std::size_t>(sample_size));
    for (std::int64_t n = begin; n < begin + size; ++n) {
      dataset.copy_sample(indices[static_cast<std::size_t>(n)], picture);
      if (flip == Flip::kRandom &&
          random_below(key, static_cast<std::uint64_t>(first + n), 2) == 1) {
        mirror(picture, shape[2]);
      }
      std::ranges::transform(picture, part(batch, n * sample_size, sample_size).begin(),
                             [](std::uint8_t byte) { return kUnitRange[byte]; });
    }
  });
}

std::vector<std::uint32_t> epoch_order(std::span<const std::uint32_t> shard, std::uint64_t seed,
                                       int rank, std::int64_t epoch) {
  std::vector<std::uint32_t> order(shard.begin(), shard.end());
  shuffle({.seed = seed,
           .purpose = RandomPurpose::kShuffle,
           .rank = static_cast<std::uint16_t>(rank),
           .step = static_cast<std::uint32_t>(epoch)},
          order);
  return order;
}

}  // namespace miniray
