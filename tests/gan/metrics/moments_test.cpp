// Streamed moments, and the Frechet distance against closed forms.
#include "gan/metrics/moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "engine/span.h"
#include "gan/metrics/frechet.h"
#include "support/expect_error.h"
#include "support/random_values.h"

namespace miniray {
namespace {

constexpr std::int64_t kFeatures = 7;

// `count` vectors with different scales, and means far from zero.
std::vector<float> vectors(std::int64_t count, unsigned seed = 1) {
  auto values = testing::random_values<float>(static_cast<std::size_t>(count * kFeatures), seed);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto f = static_cast<float>(i % kFeatures);
    values[i] = values[i] * (f + 1) + 100 * f + (i >= kFeatures ? values[i - kFeatures] / 3 : 0);
  }
  return values;
}

Moments moments_of(std::span<const float> values, std::int64_t features, int threads = 1,
                   std::int64_t rows_at_once = 1'000) {
  const ThreadBudget budget(threads);
  MomentsBuilder builder(budget, features);
  while (!values.empty()) {
    const auto size =
        std::min<std::size_t>(values.size(), static_cast<std::size_t>(rows_at_once * features));
    builder.add(values.first(size));
    values = values.subspan(size);
  }
  return builder.finish();
}

TEST(Moments, AreThoseOfTwoPasses) {
  for (const std::int64_t count : {8, 255, 256, 257, 1'000}) {
    SCOPED_TRACE(count);
    const auto values = vectors(count);
    const Moments moments = moments_of(values, kFeatures);
    EXPECT_EQ(moments.count, count);
    std::vector<double> mean(kFeatures);
    for (std::size_t i = 0; i < values.size(); ++i) mean[i % kFeatures] += values[i];
    for (double& value : mean) value /= static_cast<double>(count);
    for (std::size_t a = 0; a < kFeatures; ++a) {
      EXPECT_NEAR(moments.mean[a], mean[a], 1e-12 * std::max(1.0, std::abs(mean[a])));
      for (std::size_t b = 0; b < kFeatures; ++b) {
        double sum = 0;
        for (std::size_t row = 0; row < values.size(); row += kFeatures) {
          sum += (values[row + a] - mean[a]) * (values[row + b] - mean[b]);
        }
        const double expected = sum / static_cast<double>(count - 1);
        EXPECT_NEAR(moments.covariance[a * kFeatures + b], expected,
                    1e-11 * std::max(1.0, std::abs(expected)));
      }
    }
  }
}

TEST(Moments, HaveTheSameBitsHoweverTheyCome) {
  const auto values = vectors(1'000);
  const Moments whole = moments_of(values, kFeatures);
  for (const std::int64_t rows : {1, 7, 256, 300}) {
    const Moments cut = moments_of(values, kFeatures, 3, rows);
    EXPECT_EQ(cut.mean, whole.mean);
    EXPECT_EQ(cut.covariance, whole.covariance);
  }
}

TEST(Moments, RefuseTooFewVectors) {
  testing::expect_error(ErrorKind::kInvalidArgument, "at least 8 pictures, not 7",
                        [] { moments_of(vectors(7), kFeatures); });
}

// Of a normal distribution whose axes are turned by `angle`, with these variances along them.
Moments turned(double angle, double first, double second, double x = 0, double y = 0) {
  const double c = std::cos(angle), s = std::sin(angle);
  const double mixed = c * s * (first - second);
  return {
      100, {x, y}, {c * c * first + s * s * second, mixed, mixed, s * s * first + c * c * second}};
}

TEST(Frechet, OfNormalDistributionsWithTheSameAxes) {
  const ThreadBudget threads(1);
  for (const double angle : {0.0, 0.3, 1.0}) {
    // |m|^2 and the squared differences of the deviations.
    EXPECT_NEAR(frechet_distance(threads, turned(angle, 4, 9), turned(angle, 1, 25, 3, -4)),
                25 + 1 + 4, 1e-12);
    EXPECT_NEAR(frechet_distance(threads, turned(angle, 4, 9), turned(angle, 4, 9)), 0, 1e-12);
    EXPECT_NEAR(frechet_distance(threads, turned(angle, 4, 0), turned(angle, 1, 0)), 1, 1e-12);
  }
}

// Of a 2 x 2 matrix with positive eigenvalues p and q: (sqrt p + sqrt q)^2 = p + q + 2 sqrt(p q),
// so the trace of the root is sqrt(trace + 2 sqrt(det)).
TEST(Frechet, OfNormalDistributionsWithOtherAxes) {
  const ThreadBudget threads(1);
  const Moments a = turned(0.4, 4, 9), b = turned(1.3, 2, 0.5);
  double trace = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t k = 0; k < 2; ++k) trace += a.covariance[2 * i + k] * b.covariance[2 * k + i];
  }
  const double root = std::sqrt(trace + 2 * std::sqrt(4.0 * 9 * 2 * 0.5));
  EXPECT_NEAR(frechet_distance(threads, a, b), 13 + 2.5 - 2 * root, 1e-12);
  EXPECT_NEAR(frechet_distance(threads, b, a), 13 + 2.5 - 2 * root, 1e-12);
}

TEST(Frechet, OfOneFeature) {
  const ThreadBudget threads(1);
  EXPECT_NEAR(frechet_distance(threads, {10, {1}, {4}}, {10, {3}, {9}}), 4 + 1, 1e-13);
}

TEST(Frechet, HasTheSameBitsForAnyNumberOfThreads) {
  const auto a = testing::random_values<float>(50'000, 1),
             b = testing::random_values<float>(40'000, 2);
  const ThreadBudget one(1), three(3);
  const double expected = frechet_distance(one, moments_of(a, 100), moments_of(b, 100));
  EXPECT_EQ(frechet_distance(three, moments_of(a, 100, 3), moments_of(b, 100, 3)), expected);
  EXPECT_GT(expected, 0);
}

TEST(Frechet, RefusesOtherFeaturesAndNumbersThatAreNotFinite) {
  const ThreadBudget threads(1);
  testing::expect_error(ErrorKind::kInvalidArgument, "1 features and of 2", [&] {
    frechet_distance(threads, {10, {1}, {4}}, turned(0, 1, 1));
  });
  testing::expect_error(ErrorKind::kDiverged, "not finite", [&] {
    frechet_distance(threads, {10, {1}, {std::nan("")}}, {10, {1}, {4}});
  });
}

}  // namespace
}  // namespace miniray
