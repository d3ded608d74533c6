#include "engine/rng.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/kernels/normal.h"
#include "engine/kernels/random_words.h"

namespace miniray {
namespace {

// A number in (0, 1) from 32 random bits, never 0 or 1: the middle of its interval of 2^-32.
double unit_interval(std::uint32_t bits) { return (bits + 0.5) * 0x1p-32; }

// out[i] = transform(word first + i of the stream)
template <class T, class Transform>
void fill_from_words(const RandomKey& key, std::span<T> out, std::uint64_t first,
                     Transform transform) {
  std::array<std::uint32_t, 256> room;
  while (!out.empty()) {
    const std::size_t skipped = first % 4;
    const std::size_t count = std::min(room.size() - skipped, out.size());
    const std::span<std::uint32_t> words = std::span(room).first((skipped + count + 3) / 4 * 4);
    fill_random_words(key, first / 4, words);
    std::ranges::transform(words.subspan(skipped, count), out.begin(), transform);
    out = out.subspan(count);
    first += count;
  }
}

// out[i] = transform(x), x being the quantile of share(word first + i of the stream).
template <class T, class Share, class Transform>
void fill_quantiles(const RandomKey& key, std::span<T> out, std::uint64_t first, Share share,
                    Transform transform) {
  std::array<double, 256> room;
  for (std::size_t begin = 0; begin < out.size(); begin += room.size()) {
    const std::span<T> some = out.subspan(begin, std::min(room.size(), out.size() - begin));
    const std::span<double> values = std::span(room).first(some.size());
    fill_from_words(key, values, first + begin, share);
    normal_quantiles(values);
    std::ranges::transform(values, some.begin(), transform);
  }
}

}  // namespace

RandomBlock philox4x32_10(RandomBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{kPhiloxFactor0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kPhiloxFactor1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kPhiloxStep0;
    key[1] += kPhiloxStep1;
  }
  return counter;
}

PhiloxInput philox_input(const RandomKey& key, std::uint64_t index) {
  const auto purpose = static_cast<std::uint32_t>(key.purpose);
  return {{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), key.step,
           purpose << 24 | static_cast<std::uint32_t>(key.variant) << 16 | key.rank},
          {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)}};
}

RandomBlock random_block(const RandomKey& key, std::uint64_t index) {
  const PhiloxInput input = philox_input(key, index);
  return philox4x32_10(input.counter, input.key);
}

template <class T>
void fill_uniform(const RandomKey& key, T low, T high, std::span<T> out, std::uint64_t first) {
  const T width = high - low;
  fill_from_words(key, out, first, [&](std::uint32_t bits) {
    return low + width * static_cast<T>(static_cast<double>(bits >> 8) * 0x1p-24);
  });
}

template <class T>
void fill_normal(const RandomKey& key, std::span<T> out, std::uint64_t first) {
  fill_quantiles(key, out, first, unit_interval, [](double x) { return static_cast<T>(x); });
}

template <class T>
void fill_truncated_normal(const RandomKey& key, T limit, std::span<T> out, std::uint64_t first) {
  const double beyond = std::erfc(static_cast<double>(limit) / std::sqrt(2.0)) / 2;  // on one side
  fill_quantiles(
      key, out, first,
      [=](std::uint32_t bits) { return beyond + unit_interval(bits) * (1 - 2 * beyond); },
      [=](double x) { return std::clamp(static_cast<T>(x), -limit, limit); });
}

std::uint64_t random_below(const RandomKey& key, std::uint64_t index, std::uint64_t bound) {
  const RandomBlock block = random_block(key, index);
  const std::uint64_t bits = std::uint64_t{block[0]} << 32 | block[1];
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(bits) * bound >> 64);
}

void shuffle(const RandomKey& key, std::span<std::uint32_t> values) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random_below(key, i, i)]);
  }
}

template void fill_uniform(const RandomKey&, float, float, std::span<float>, std::uint64_t);
template void fill_uniform(const RandomKey&, double, double, std::span<double>, std::uint64_t);
template void fill_normal(const RandomKey&, std::span<float>, std::uint64_t);
template void fill_normal(const RandomKey&, std::span<double>, std::uint64_t);
template void fill_truncated_normal(const RandomKey&, float, std::span<float>, std::uint64_t);
template void fill_truncated_normal(const RandomKey&, double, std::span<double>, std::uint64_t);

}  // namespace miniray
