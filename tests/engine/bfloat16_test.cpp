#include "engine/kernels/bfloat16.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "engine/kernels/adam.h"
#include "engine/rng.h"
#include "support/random_values.h"
#include "support/reference_kernels.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::random_values;
using testing::reference_bfloat16;

float through_bfloat16(float x) {
  Bfloat16 half{};
  float y = 0;
  round_to_bfloat16({&x, 1}, {&half, 1});
  widen({&half, 1}, {&y, 1});
  return y;
}

TEST(Bfloat16, RoundsToTheNearest) {
  for (const float range : {1e-38F, 1e-6F, 1.0F, 3e4F, 1e38F}) {
    for (const float x : random_values<float>(2000, 1, -range, range)) {
      ASSERT_EQ(through_bfloat16(x), reference_bfloat16(x)) << x;
    }
  }
}

TEST(Bfloat16, TiesGoToTheEvenNeighbour) {
  // Around 1, bfloat16 has steps of 2^-7.
  EXPECT_EQ(through_bfloat16(1 + 0x1p-8F), 1);
  EXPECT_EQ(through_bfloat16(1 + 0x3p-8F), 1 + 0x2p-7F);
  EXPECT_EQ(through_bfloat16(std::nextafter(1 + 0x1p-8F, 2.0F)), 1 + 0x1p-7F);
}

TEST(Bfloat16, SpecialNumbersStaySpecial) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(through_bfloat16(infinity), infinity);
  EXPECT_EQ(through_bfloat16(-infinity), -infinity);
  EXPECT_EQ(through_bfloat16(std::numeric_limits<float>::max()), infinity);
  EXPECT_TRUE(std::signbit(through_bfloat16(-0.0F)));
  for (const char* payload : {"0", "1", "0x3fffff"}) {
    EXPECT_TRUE(std::isnan(through_bfloat16(std::nanf(payload))));
    EXPECT_TRUE(std::isnan(through_bfloat16(-std::nanf(payload))));
  }
}

TEST(Bfloat16, AddAndScale) {
  const auto x = random_values<float>(100, 1);
  auto y = random_values<float>(100, 2);
  const auto before = y;
  std::vector<Bfloat16> half(x.size());
  round_to_bfloat16(x, half);
  add_and_scale(0.3F, half, y);
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(y[i], 0.3F * (before[i] + reference_bfloat16(x[i])));
  }
}

TEST(Bfloat16, RowsOfAnyLengthOnEveryTarget) {
  constexpr std::int64_t kStride = 40;
  const auto x = random_values<float>(3 * kStride, 1);
  testing::for_each_simd_target([&] {
    for (std::int64_t columns = 1; columns <= 37; ++columns) {
      std::vector<Bfloat16> half(3 * kStride, Bfloat16{7});
      std::vector<float> y(3 * kStride, 9);
      round_rows(3, columns, x.data(), kStride, half.data(), kStride);
      widen_rows(3, columns, half.data(), kStride, y.data(), kStride);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const bool inside = static_cast<std::int64_t>(i) % kStride < columns;
        ASSERT_EQ(y[i], inside ? reference_bfloat16(x[i]) : 9) << i;
        ASSERT_TRUE(inside || half[i].bits == 7) << i;
      }
    }
  });
}

// What an update of no gradient and of beta2 1 makes of a second moment.
std::vector<Bfloat16> rounded_moment(float v, std::array<std::uint32_t, 2> key, std::size_t size) {
  // beta2 v of a bfloat16 1 is v.
  const AdamFactors<float> factors{.beta1 = 0,
                                   .beta2 = v,
                                   .epsilon = 1,
                                   .rest1 = 0,
                                   .rest2 = 0,
                                   .step_size = 0,
                                   .inverse_root_bias2 = 1};
  Bfloat16 one{0x3F80};
  std::vector<Bfloat16> m(size), second(size, one);
  std::vector<float> w(size), g(size);
  adam_update<float>(factors, {w, {}, {}, {m, second, key}}, g);
  return second;
}

TEST(RoundedMoments, TheMeanOfManyRoundingsIsTheNumber) {
  // Between two neighbours a step s apart, a share p of the way: the roundings are s times those of
  // a coin of probability p, whose mean of n strays by s sqrt(p (1 - p) / n).
  constexpr std::size_t kSize = 1000;
  constexpr std::uint32_t kKeys = 100;
  constexpr double kStep = 0x1p-7;
  testing::for_each_simd_target([&] {
    for (const double share : {0.001, 0.128, 0.5, 0.9}) {
      const auto v = static_cast<float>(1 + share * kStep);
      double sum = 0;
      for (std::uint32_t k = 0; k < kKeys; ++k) {
        const RandomBlock key = random_block({.seed = 3, .purpose = RandomPurpose::kMoments}, k);
        for (const Bfloat16 moment : rounded_moment(v, {key[0], key[1]}, kSize)) {
          float wide = 0;
          widen({&moment, 1}, {&wide, 1});
          ASSERT_TRUE(wide == 1 || wide == 1 + kStep);
          sum += wide;
        }
      }
      const double error = kStep * std::sqrt(share * (1 - share) / (kSize * kKeys));
      EXPECT_NEAR(sum / (kSize * kKeys), v, 4 * error) << share;
    }
  });
}

TEST(RoundedMoments, WhatABfloat16HoldsStays) {
  const std::array<std::uint32_t, 2> key{1, 2};
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float v : {0.0F, 1.0F, 1.5F, 0x1.02p-100F, infinity}) {
    for (const Bfloat16 moment : rounded_moment(v, key, 100)) {
      float wide = -1;
      widen({&moment, 1}, {&wide, 1});
      ASSERT_EQ(wide, v);
    }
  }
  for (const Bfloat16 moment : rounded_moment(std::nanf("0x3fffff"), key, 100)) {
    float wide = 0;
    widen({&moment, 1}, {&wide, 1});
    ASSERT_TRUE(std::isnan(wide));
  }
}

TEST(RoundedMoments, BitsAreAFunctionOfKeyAndNumberOnEveryTarget) {
  const std::array<std::uint32_t, 2> key{0x12345678, 0x9ABCDEF0};
  std::vector<std::uint32_t> expected(100);
  fill_rounding_bits(key, 1000, expected);
  testing::for_each_simd_target([&] {
    for (const std::size_t first : {0, 1, 5, 16, 77}) {
      std::vector<std::uint32_t> bits(expected.size() - first);
      fill_rounding_bits(key, 1000 + static_cast<std::uint32_t>(first), bits);
      EXPECT_TRUE(std::equal(bits.begin(), bits.end(),
                             expected.begin() + static_cast<std::ptrdiff_t>(first)));
    }
  });
}

}  // namespace
}  // namespace miniray
