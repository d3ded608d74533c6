#include "engine/kernels/random_mask.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/simd_targets.h"

namespace miniray {
namespace {

const RandomKey kKey{.seed = 9, .purpose = RandomPurpose::kDropout, .variant = 3, .step = 77};

// The header's definition, bit by bit.
std::uint8_t expected_byte(double keep, std::uint64_t index) {
  const RandomBlock block = random_block(kKey, index);
  unsigned byte = 0;
  for (unsigned bit = 0; bit < 8; ++bit) {
    const unsigned value = block[bit / 2] >> (16 * (bit % 2)) & 0xFFFF;
    byte |= static_cast<unsigned>(value < keep * 65536) << bit;
  }
  return static_cast<std::uint8_t>(byte);
}

TEST(FillMask, IsItsDefinitionOnEveryTarget) {
  testing::for_each_simd_target([] {
    for (const double keep : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      // Across the carry into the index's upper word, and shorter than any vector.
      for (const std::uint64_t first : {std::uint64_t{0}, (std::uint64_t{1} << 32) - 5}) {
        for (const std::size_t size : {1, 3, 29}) {
          std::vector<std::uint8_t> mask(size);
          fill_mask(kKey, keep, first, mask);
          for (std::size_t i = 0; i < size; ++i) {
            ASSERT_EQ(mask[i], expected_byte(keep, first + i)) << keep << " " << first + i;
          }
        }
      }
    }
  });
}

TEST(FillMask, KeepsTheAskedShareOfEachBit) {
  std::vector<std::uint8_t> mask(100'000);
  fill_mask(kKey, 0.7, 0, mask);
  std::vector<int> kept(8);
  for (const std::uint8_t byte : mask) {
    for (unsigned bit = 0; bit < 8; ++bit) kept[bit] += byte >> bit & 1;
  }
  // Five standard deviations of a binomial distribution.
  for (const int count : kept) EXPECT_NEAR(count, 70'000, 5 * std::sqrt(100'000 * 0.21));
}

}  // namespace
}  // namespace miniray
