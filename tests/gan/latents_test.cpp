#include "gan/latents.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "gan/sampler.h"
#include "support/random_values.h"

namespace miniray {
namespace {

using testing::random_values;
using Latent = std::vector<float>;

double length(std::span<const float> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

Latent between(const Latent& a, const Latent& b, double t) {
  Latent to(a.size());
  slerp(a, b, t, to);
  return to;
}

void expect_near(const Latent& found, const Latent& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-6) << i;
}

TEST(Slerp, ClosedForms) {
  const Latent x{2, 0, 0}, y{0, 2, 0};
  const auto half = static_cast<float>(std::numbers::sqrt2);
  expect_near(between(x, y, 0), x);
  expect_near(between(x, y, 1), y);
  expect_near(between(x, y, 0.5), {half, half, 0});
  expect_near(between(x, y, 1 / 3.0), {static_cast<float>(std::numbers::sqrt3), 1, 0});
  expect_near(between(x, x, 0.3), x);
  expect_near(between(x, {-2, 0, 0}, 0.25), {1, 0, 0});  // no arc is the one: straight
  expect_near(between({0, 0, 0}, y, 0.5), {0, 1, 0});
}

TEST(Slerp, KeepsTheLengthOfEquallyLongLatentsAndTurnsEvenly) {
  Latent a = random_values<float>(100, 1), b = random_values<float>(100, 2);
  const auto factor = static_cast<float>(length(a) / length(b));
  for (float& value : b) value *= factor;
  const auto angle = [&](const Latent& to) {
    double product = 0;
    for (std::size_t i = 0; i < a.size(); ++i) product += double{a[i]} * to[i];
    return std::acos(product / (length(a) * length(to)));
  };
  for (int i = 1; i <= 10; ++i) {
    const Latent to = between(a, b, i / 10.0);
    EXPECT_NEAR(length(to), length(a), 1e-5);
    EXPECT_NEAR(angle(to), angle(b) * i / 10, 1e-5);
  }
}

Latent draw(const LatentOptions& options, std::int64_t first, std::int64_t count) {
  Latent latents(static_cast<std::size_t>(count * 8));
  draw_latent_path(options, first, 8, latents);
  return latents;
}

Latent row(const Latent& latents, std::int64_t index) {
  return {latents.begin() + index * 8, latents.begin() + (index + 1) * 8};
}

TEST(LatentPath, LeadsThroughTheLatentsOfTheSeed) {
  Latent drawn(4 * 8);
  draw_sample_latents(9, 0, 8, drawn);
  EXPECT_EQ(draw({.seed = 9}, 0, 4), drawn);
  const Latent path = draw({.seed = 9, .frames = 5}, 0, 16);
  for (std::int64_t k = 0; k < 4; ++k) expect_near(row(path, 5 * k), row(drawn, k));
  expect_near(row(path, 7), between(row(drawn, 1), row(drawn, 2), 0.4));
  expect_near(latent_path(drawn, 8, 5), path);
  EXPECT_EQ(latent_path(drawn, 8, 1), drawn);
  EXPECT_EQ(latent_path(row(drawn, 2), 8, 7), row(drawn, 2)) << "of one latent there is no path";
}

TEST(LatentPath, ALatentDependsOnItsNumberAlone) {
  const LatentOptions options{.seed = 3, .truncation = 0.7, .frames = 4};
  const Latent all = draw(options, 0, 50);
  for (const std::int64_t first : {0, 3, 4, 17}) {
    const Latent piece = draw(options, first, 9);
    for (std::int64_t i = 0; i < 9; ++i) EXPECT_EQ(row(piece, i), row(all, first + i));
  }
}

TEST(LatentPath, ATruncationBoundsTheElementsAndAFarOneChangesNothing) {
  for (const float value : draw({.seed = 3, .truncation = 0.5}, 0, 1000)) {
    ASSERT_LE(std::abs(value), 0.5F);
  }
  expect_near(draw({.seed = 3, .truncation = 30}, 0, 10), draw({.seed = 3}, 0, 10));
}

}  // namespace
}  // namespace miniray
