#include "gan/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/simd_targets.h"
#include "support/torch_values.h"

namespace miniray {
namespace {

using testing::numbers;
using testing::random_values;

constexpr Augmentation kAll{true, true, true};
constexpr AugmentationDraw kNothing{.brightness = 0,
                                    .saturation = 1,
                                    .contrast = 1,
                                    .down = 0,
                                    .right = 0,
                                    .cut_top = 1000,
                                    .cut_left = 0};

TEST(Augment, WordsAreReadAndWrongOnesNamed) {
  EXPECT_FALSE(make_augmentation("").any());
  const Augmentation two = make_augmentation("cutout,color");
  EXPECT_TRUE(two.colour && two.cutout && !two.translation);
  EXPECT_TRUE(make_augmentation("translation").translation);
  for (const char* const wrong : {"colour", "color,", ",color", "color, cutout", "none"}) {
    testing::expect_error(ErrorKind::kInvalidArgument, "color, translation or cutout",
                          [&] { make_augmentation(wrong); });
  }
  testing::expect_error(ErrorKind::kInvalidArgument, "twice",
                        [] { make_augmentation("color,color"); });
}

AugmentationDraw read_draw(const nlohmann::json& values) {
  return {.brightness = values.at("brightness"),
          .saturation = values.at("saturation"),
          .contrast = values.at("contrast"),
          .down = values.at("down"),
          .right = values.at("right"),
          .cut_top = values.at("cut_top"),
          .cut_left = values.at("cut_left")};
}

TEST(Augment, ValuesAndGradientsOfPyTorch) {
  const auto cases = testing::torch_values("augment");
  ASSERT_GE(cases.size(), 4U);
  testing::for_each_simd_target([&] {
    for (const auto& values : cases) {
      Shape shape;
      for (const std::int64_t extent : values.at("shape")) shape.append(extent);
      const AugmentationDraw draw = read_draw(values.at("draw"));
      auto picture = numbers<float>(values.at("x")), gradient = numbers<float>(values.at("dy"));
      augment_picture(kAll, draw, shape, picture);
      augment_picture_backward(kAll, draw, shape, gradient);
      testing::expect_close<float>(picture, values.at("y"), 1e-6, "y of " + shape.to_string());
      testing::expect_close<float>(gradient, values.at("dx"), 3e-6, "dx of " + shape.to_string());
    }
  });
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// The transforms are linear up to a constant, so that differences over a long step are exact.
TEST(Augment, GradientsByFiniteDifferences) {
  for (const Shape& shape : {Shape{3, 16, 8}, Shape{1, 9, 17}}) {
    const auto size = static_cast<std::size_t>(shape.elements());
    for (const Augmentation& augmentation :
         {Augmentation{.colour = true}, Augmentation{.translation = true},
          Augmentation{.cutout = true}, kAll}) {
      const AugmentationDraw draw = draw_augmentation({.seed = 3}, 5, shape);
      const auto x = random_values<float>(size, 1), weighting = random_values<float>(size, 2);
      auto gradient = weighting;
      augment_picture_backward(augmentation, draw, shape, gradient);
      for (std::size_t i = 0; i < size; ++i) {
        auto above = x, below = x;
        above[i] += 1;
        below[i] -= 1;
        augment_picture(augmentation, draw, shape, above);
        augment_picture(augmentation, draw, shape, below);
        ASSERT_NEAR(gradient[i], (dot(weighting, above) - dot(weighting, below)) / 2, 2e-5) << i;
      }
    }
  }
}

struct Moments {
  double mean = 0, deviation = 0;
};

Moments moments(std::span<const float> values) {
  Moments result;
  for (const double value : values) result.mean += value / static_cast<double>(values.size());
  for (const double value : values) {
    result.deviation += std::pow(value - result.mean, 2) / static_cast<double>(values.size());
  }
  result.deviation = std::sqrt(result.deviation);
  return result;
}

TEST(Augment, BrightnessMovesContrastSpreadsAndSaturationKeepsGrey) {
  const Shape shape{3, 20, 20};  // more pixels than a block
  const Augmentation colour{.colour = true};
  const auto x = random_values<float>(1200, 1);
  AugmentationDraw draw = kNothing;
  draw.brightness = 0.25F;
  draw.contrast = 1.5F;
  auto y = x;
  augment_picture(colour, draw, shape, y);
  EXPECT_NEAR(moments(y).mean, moments(x).mean + 0.25, 1e-6);
  EXPECT_NEAR(moments(y).deviation, 1.5 * moments(x).deviation, 1e-6);

  draw = kNothing;
  draw.saturation = 0;
  y = x;
  augment_picture(colour, draw, shape, y);
  for (std::size_t i = 0; i < 400; ++i) {
    const float grey = (x[i] + x[400 + i] + x[800 + i]) / 3;
    for (std::size_t c = 0; c < 3; ++c) ASSERT_NEAR(y[c * 400 + i], grey, 1e-6);
  }
}

TEST(Augment, MovesAndCutsByHand) {
  const Shape shape{1, 4, 4};
  std::vector<float> picture{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  AugmentationDraw draw = kNothing;
  draw.down = 1;
  draw.right = -1;
  auto moved = picture;
  augment_picture({.translation = true}, draw, shape, moved);
  EXPECT_EQ(moved, (std::vector<float>{0, 0, 0, 0, 2, 3, 4, 0, 6, 7, 8, 0, 10, 11, 12, 0}));
  draw.cut_top = -1;
  draw.cut_left = 2;
  augment_picture({.cutout = true}, draw, shape, picture);
  EXPECT_EQ(picture, (std::vector<float>{1, 2, 0, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}));
}

// Every place that may be drawn is, and no other.
TEST(Augment, DrawsCoverTheirRangesEvenly) {
  const Shape shape{3, 32, 28};
  std::set<std::int64_t> down, right, top, left;
  double brightness = 0, saturation = 0, contrast = 0;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const AugmentationDraw draw =
        draw_augmentation({.seed = 1}, static_cast<std::uint64_t>(i), shape);
    down.insert(draw.down);
    right.insert(draw.right);
    top.insert(draw.cut_top);
    left.insert(draw.cut_left);
    ASSERT_TRUE(draw.brightness >= -0.5F && draw.brightness < 0.5F);
    ASSERT_TRUE(draw.saturation >= 0 && draw.saturation < 2);
    ASSERT_TRUE(draw.contrast >= 0.5F && draw.contrast < 1.5F);
    brightness += draw.brightness / kDraws;
    saturation += draw.saturation / kDraws;
    contrast += draw.contrast / kDraws;
  }
  const auto expect_range = [](const std::set<std::int64_t>& values, std::int64_t low,
                               std::int64_t high) {
    EXPECT_EQ(*values.begin(), low);
    EXPECT_EQ(*values.rbegin(), high);
    EXPECT_EQ(static_cast<std::int64_t>(values.size()), high - low + 1);
  };
  expect_range(down, -4, 4);
  expect_range(right, -3, 3);
  expect_range(top, -8, 24);
  expect_range(left, -7, 21);
  // Five standard deviations of the mean of so many.
  EXPECT_NEAR(brightness, 0, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(saturation, 1, 5 * std::sqrt(4.0 / 12 / kDraws));
  EXPECT_NEAR(contrast, 1, 5 * std::sqrt(1.0 / 12 / kDraws));
}

TEST(Augment, ABatchIsItsPicturesWhateverTheThreads) {
  const Shape shape{3, 8, 8};
  const RandomKey key{.seed = 9, .purpose = RandomPurpose::kAugment, .step = 3};
  const SampleNumbers samples{.first = 5, .split = 7, .second = 105};
  const auto x = random_values<float>(11 * 192, 1);
  std::vector<float> expected = x, back = x;
  for (std::int64_t row = 0; row < 11; ++row) {
    const auto sample = static_cast<std::uint64_t>(row < 7 ? 5 + row : 98 + row);
    const AugmentationDraw draw = draw_augmentation(key, sample, shape);
    augment_picture(kAll, draw, shape,
                    std::span(expected).subspan(static_cast<std::size_t>(row) * 192, 192));
    augment_picture_backward(kAll, draw, shape,
                             std::span(back).subspan(static_cast<std::size_t>(row) * 192, 192));
  }
  for (const int count : {1, 2, 5}) {
    const ThreadBudget threads(count);
    std::vector<float> y(x.size(), 9), gradient = x;
    augment(threads, kAll, key, samples, shape, x, y);
    augment_backward(threads, kAll, key, samples, shape, gradient);
    EXPECT_EQ(y, expected);
    EXPECT_EQ(gradient, back);
  }
}

}  // namespace
}  // namespace miniray
