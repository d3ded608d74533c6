// Counter-based random numbers: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC 2011).
//
// A number is a pure function of (seed, purpose, rank, step, element). Nothing is advanced, so no
// result depends on how many threads drew, or in which order.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace miniray {

// What a stream is used for. The values are part of a run's identity: never renumber them.
enum class RandomPurpose : std::uint8_t {
  kInit = 1,           // step: index of the slice
  kShuffle = 2,        // step: epoch
  kFlip = 3,           // step: training step
  kLatents = 4,        // step: training step
  kDropout = 5,        // step: training step; `variant`: index of the layer
  kSampleLatents = 6,  // latents of images made from a seed; step 0
  kShapes = 7,         // pictures of the data set `shapes`; step: index of the picture
  kJobName = 8,
  kAugment = 9,         // step: training step; two blocks a sample
  kInterpolation = 10,  // step: training step; between real samples and fake ones
  kLabels = 11,         // classes of made pictures; step: training step
  kMoments = 12,        // rounding of Adam's moments; step: the optimizer's
};

// The key of one stream. Two different keys give independent streams.
struct RandomKey {
  std::uint64_t seed = 0;
  RandomPurpose purpose = RandomPurpose::kInit;
  std::uint8_t variant = 0;  // tells users of one purpose apart, such as the layers of a network
  std::uint16_t rank = 0;
  std::uint32_t step = 0;
};

using RandomBlock = std::array<std::uint32_t, 4>;

// The bare generator, for its known answers.
RandomBlock philox4x32_10(RandomBlock counter, std::array<std::uint32_t, 2> key);

inline constexpr std::uint32_t kPhiloxFactor0 = 0xD2511F53, kPhiloxFactor1 = 0xCD9E8D57;
inline constexpr std::uint32_t kPhiloxStep0 = 0x9E3779B9, kPhiloxStep1 = 0xBB67AE85;

// What the generator is given for block `index` of a stream.
struct PhiloxInput {
  RandomBlock counter;  // the index stands in words 0 and 1
  std::array<std::uint32_t, 2> key;
};
PhiloxInput philox_input(const RandomKey& key, std::uint64_t index);

// Block `index` of a stream: 128 random bits.
RandomBlock random_block(const RandomKey& key, std::uint64_t index);

// out[i] is element first + i of the stream of uniform numbers in [low, high), 2^24 values;
// rounding of the last ones may give `high` itself.
template <class T>
void fill_uniform(const RandomKey& key, T low, T high, std::span<T> out, std::uint64_t first = 0);

// out[i] is element first + i of the stream of normal numbers, mean 0 and variance 1, by the
// inverse distribution function of Wichura, "Algorithm AS 241" (Applied Statistics 37, 1988).
template <class T>
void fill_normal(const RandomKey& key, std::span<T> out, std::uint64_t first = 0);

// The same, of normal numbers whose magnitude is at most `limit`, above 0: distributed as if the
// others were drawn again until they are, but of one draw each.
template <class T>
void fill_truncated_normal(const RandomKey& key, T limit, std::span<T> out,
                           std::uint64_t first = 0);

// Element `index` of the stream of integers in [0, bound). bound is at least 1. The bias of the
// multiply-shift is below bound / 2^64.
std::uint64_t random_below(const RandomKey& key, std::uint64_t index, std::uint64_t bound);

// values <- a random permutation of values (Fisher and Yates).
void shuffle(const RandomKey& key, std::span<std::uint32_t> values);

}  // namespace miniray
