#include "engine/kernels/bfloat16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/random_values.h"
#include "support/reference_kernels.h"

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

}  // namespace
}  // namespace miniray
