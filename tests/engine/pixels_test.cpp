#include "engine/kernels/pixels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/random_values.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

TEST(Pixels, EachIsTheNearestByteInItsPlace) {
  testing::for_each_simd_target([] {
    for (const std::int64_t channels : {1, 3}) {
      for (const std::int64_t pixels : {1, 7, 16, 37, 1024}) {
        auto chw = testing::random_values<float>(static_cast<std::size_t>(channels * pixels), 1);
        chw.front() = 1;
        chw.back() = -1;
        std::vector<std::uint8_t> hwc(chw.size() + 64, 77);
        pixels_from_planes(channels, pixels, chw.data(), hwc.data());
        for (std::int64_t i = 0; i < pixels; ++i) {
          for (std::int64_t c = 0; c < channels; ++c) {
            const double value = chw[static_cast<std::size_t>(c * pixels + i)];
            EXPECT_NEAR(hwc[static_cast<std::size_t>(i * channels + c)], (value + 1) * 127.5,
                        0.501);
          }
        }
        EXPECT_TRUE(std::all_of(hwc.begin() + channels * pixels, hwc.end(),
                                [](std::uint8_t byte) { return byte == 77; }));
      }
    }
  });
}

TEST(Pixels, BeyondTheRangeIsCutOff) {
  const std::vector<float> chw{-7, 3, 1e30F, -1e30F, 1.01F};
  std::vector<std::uint8_t> hwc(5);
  testing::for_each_simd_target([&] {
    pixels_from_planes(1, 5, chw.data(), hwc.data());
    EXPECT_EQ(hwc, (std::vector<std::uint8_t>{0, 255, 255, 0, 255}));
  });
}

}  // namespace
}  // namespace miniray
