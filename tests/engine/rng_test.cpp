#include "engine/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "engine/kernels/normal.h"
#include "engine/kernels/random_words.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::for_each_simd_target;

// The known answers published with Random123 (kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
            (RandomBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32_10({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}),
            (RandomBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (RandomBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomKey, EveryFieldChangesTheStream) {
  const RandomKey base{.seed = 1, .purpose = RandomPurpose::kInit, .rank = 1, .step = 1};
  std::set<RandomBlock> blocks{random_block(base, 0), random_block(base, 1)};
  RandomKey key = base;
  key.seed = std::uint64_t{1} << 40 | 1;
  blocks.insert(random_block(key, 0));
  key = base;
  key.purpose = RandomPurpose::kLatents;
  blocks.insert(random_block(key, 0));
  key = base;
  key.variant = 1;
  blocks.insert(random_block(key, 0));
  key = base;
  key.rank = 2;
  blocks.insert(random_block(key, 0));
  key = base;
  key.step = 2;
  blocks.insert(random_block(key, 0));
  blocks.insert(random_block(base, std::uint64_t{1} << 32));
  EXPECT_EQ(blocks.size(), 8U);
}

TEST(FillRandomWords, AreTheBlocksOnEveryTarget) {
  const RandomKey key{.seed = 3, .purpose = RandomPurpose::kLatents, .step = 5};
  for_each_simd_target([&] {
    // Across the carry into the index's upper word, and shorter than any vector.
    for (const std::uint64_t first : {std::uint64_t{0}, (std::uint64_t{1} << 32) - 5}) {
      for (const std::size_t blocks : {1, 3, 29}) {
        std::vector<std::uint32_t> words(4 * blocks);
        fill_random_words(key, first, words);
        for (std::size_t i = 0; i < words.size(); ++i) {
          ASSERT_EQ(words[i], random_block(key, first + i / 4)[i % 4]) << first << " " << i;
        }
      }
    }
  });
}

TEST(FillNormal, AnElementDoesNotDependOnWhereTheSpanBegins) {
  const RandomKey key{.seed = 3};
  std::vector<float> whole(100), piece(37);
  fill_normal<float>(key, whole);
  fill_normal<float>(key, piece, 11);
  for (std::size_t i = 0; i < piece.size(); ++i) EXPECT_EQ(piece[i], whole[11 + i]);
}

// Against the distribution function, whose slope at x is the density: an error of x by 1 part in
// 1e14 moves it by less than 3e-13 of itself.
TEST(NormalQuantiles, InvertTheDistributionFunctionAlikeOnEveryTarget) {
  std::vector<double> shares = {0x1p-33, 1e-6, 0.07499, 0.075, 0.07501, 0.3, 0.5, 0.9, 0.925001};
  for (int i = 1; i < 1000; ++i) shares.push_back(i / 1000.0);
  std::vector<double> first;
  for_each_simd_target([&] {
    std::vector<double> values = shares;
    normal_quantiles(values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double upper = std::erfc(values[i] / std::sqrt(2)) / 2;
      const double lower = std::erfc(-values[i] / std::sqrt(2)) / 2;
      const bool is_low = shares[i] < 0.5;
      const double from_end = is_low ? shares[i] : 1 - shares[i];
      EXPECT_NEAR(is_low ? lower : upper, from_end, 3e-13 * from_end);
    }
    if (first.empty()) first = values;
    EXPECT_EQ(values, first);
  });
}

// The distribution function at the k-th smallest of n numbers must be near k / n: Kolmogorov's
// distance is below 1.95 / sqrt(n) with probability 0.999.
template <class Distribution>
void expect_distribution(std::vector<double> values, Distribution distribution) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    distance = std::max(distance, std::abs(distribution(values[k]) - (k + 0.5) / n));
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(n));
}

TEST(FillNormal, HasTheNormalDistribution) {
  std::vector<double> values(200'000);
  fill_normal<double>({.seed = 11}, values);
  expect_distribution(values, [](double x) { return std::erfc(-x / std::sqrt(2)) / 2; });
  EXPECT_GT(*std::max_element(values.begin(), values.end()), 4);  // the tails are there
  EXPECT_LT(*std::min_element(values.begin(), values.end()), -4);
}

TEST(FillTruncatedNormal, HasTheDistributionOfDrawingAgain) {
  for (const double limit : {0.1, 1.0, 2.5}) {
    std::vector<double> values(200'000);
    fill_truncated_normal<double>({.seed = 11}, limit, values);
    EXPECT_LE(*std::max_element(values.begin(), values.end()), limit);
    EXPECT_GE(*std::min_element(values.begin(), values.end()), -limit);
    const auto normal = [](double x) { return std::erfc(-x / std::sqrt(2)) / 2; };
    expect_distribution(values, [&](double x) {
      return (normal(x) - normal(-limit)) / (normal(limit) - normal(-limit));
    });
  }
}

TEST(FillUniform, HasTheUniformDistribution) {
  std::vector<double> values(200'000);
  fill_uniform<double>({.seed = 12}, -2, 3, values);
  expect_distribution(values, [](double x) { return (x + 2) / 5; });
}

TEST(RandomBelow, ReachesEveryNumberAboutAsOften) {
  std::vector<int> counts(7);
  for (std::uint64_t i = 0; i < 70'000; ++i) {
    const std::uint64_t value = random_below({.seed = 5}, i, counts.size());
    ASSERT_LT(value, counts.size());
    ++counts[value];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 5 * std::sqrt(10'000.0));
}

TEST(Shuffle, IsAPermutationThatTheKeyDecides) {
  std::vector<std::uint32_t> a(1000), b(1000), c(1000);
  for (auto* values : {&a, &b, &c}) std::iota(values->begin(), values->end(), 0U);
  shuffle({.seed = 1, .purpose = RandomPurpose::kShuffle}, a);
  shuffle({.seed = 1, .purpose = RandomPurpose::kShuffle}, b);
  shuffle({.seed = 2, .purpose = RandomPurpose::kShuffle}, c);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_EQ(std::set<std::uint32_t>(a.begin(), a.end()).size(), 1000U);
  // Every place is as likely: the mean distance moved is a third of the length.
  double moved = 0;
  for (std::size_t i = 0; i < a.size(); ++i) moved += std::abs(static_cast<double>(a[i]) - i);
  EXPECT_NEAR(moved / 1000, 1000.0 / 3, 40);
}

}  // namespace
}  // namespace miniray
