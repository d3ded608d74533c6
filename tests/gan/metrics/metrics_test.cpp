// The metrics against what numpy and scipy find by the definitions (make_values.py), and closed
// forms.
#include "gan/metrics/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "gan/metrics/frechet.h"
#include "gan/metrics/manifold.h"
#include "gan/metrics/nearest.h"
#include "support/expect_error.h"
#include "support/random_values.h"

namespace miniray {
namespace {

const nlohmann::json& values() {
  static const auto json =
      nlohmann::json::parse(std::ifstream(std::string(MINIRAY_TEST_DATA) + "/metrics.json"));
  return json;
}

std::vector<float> floats(const char* name) { return values().at(name).get<std::vector<float>>(); }

TEST(Metrics, FrechetIsScipys) {
  const ThreadBudget threads(2);
  MomentsBuilder a(threads, 6), b(threads, 6);
  a.add(floats("a"));
  b.add(floats("b"));
  const double expected = values().at("frechet");
  EXPECT_NEAR(frechet_distance(threads, a.finish(), b.finish()), expected, 1e-9 * expected);
}

TEST(Metrics, KernelDistanceIsNumpys) {
  const ThreadBudget threads(2);
  const double expected = values().at("kernel_distance");
  const Score score = kernel_distance(threads, 6, floats("a"), floats("b"));
  EXPECT_NEAR(score.mean, expected, 1e-10 * expected);
  EXPECT_NEAR(score.deviation, 0, 1e-6);  // of one block
}

// With features (x), k(x, y) = (x y + 1)^3: for vectors all alike it is (x^2 + 1)^3.
TEST(Metrics, KernelDistanceOfConstants) {
  const ThreadBudget threads(1);
  const std::vector<float> twos(2'500, 2), threes(2'100, 3);
  const Score score = kernel_distance(threads, 1, twos, threes);
  EXPECT_NEAR(score.mean, 125 + 1000 - 2 * 343, 1e-9);
  EXPECT_NEAR(score.deviation, 0, 1e-3);
}

// Without bias: over many pairs of draws from one distribution the mean is zero, on both sides.
TEST(Metrics, KernelDistanceIsZeroInTheMean) {
  const ThreadBudget threads(2);
  double sum = 0, squares = 0;
  constexpr int kDraws = 400;
  for (unsigned i = 0; i < kDraws; ++i) {
    const auto a = testing::random_values<float>(40, 2 * i),
               b = testing::random_values<float>(40, 2 * i + 1);
    const double value = kernel_distance(threads, 2, a, b).mean;
    sum += value;
    squares += value * value;
  }
  const double deviation_of_mean = std::sqrt(squares) / kDraws;
  EXPECT_LT(std::abs(sum / kDraws), 3 * deviation_of_mean);
}

TEST(Metrics, ManifoldScoresAreNumpys) {
  const ThreadBudget threads(2);
  const auto scores = manifold_scores(threads, 6, floats("a"), floats("b"));
  const auto& expected = values().at("manifold");
  EXPECT_NEAR(scores.precision, expected.at("precision"), 1e-12);
  EXPECT_NEAR(scores.recall, expected.at("recall"), 1e-12);
  EXPECT_NEAR(scores.density, expected.at("density"), 1e-12);
  EXPECT_NEAR(scores.coverage, expected.at("coverage"), 1e-12);
}

// More rows than a block of distances has, in one dimension, where neighbours can be counted.
TEST(Metrics, ManifoldScoresOfALine) {
  const ThreadBudget threads(3);
  std::vector<float> real(2'400), fake(1'300);
  std::iota(real.begin(), real.end(), 0.0F);
  // Half of the fakes between the first reals, half far beyond the last.
  for (std::size_t i = 0; i < fake.size(); ++i) {
    fake[i] = i < 650 ? static_cast<float>(i) + 0.25F : 10'000 + static_cast<float>(i);
  }
  const auto scores = manifold_scores(threads, 1, real, fake);
  EXPECT_EQ(scores.precision, 0.5);
  // The ball of a real in the middle reaches 3 to both sides, and holds 6 of the fakes there.
  EXPECT_NEAR(scores.density, 0.5 * 6 / 5, 0.01);
  EXPECT_NEAR(scores.coverage, 653.0 / 2'400, 1e-12);
  EXPECT_NEAR(scores.recall, 0.27, 0.01);
}

TEST(Metrics, ManifoldScoresOfEqualsAreOne) {
  const ThreadBudget threads(2);
  const auto rows = testing::random_values<float>(3'000, 1);
  const auto scores = manifold_scores(threads, 3, rows, rows);
  EXPECT_EQ(scores.precision, 1);
  EXPECT_EQ(scores.recall, 1);
  EXPECT_EQ(scores.coverage, 1);
}

TEST(Metrics, NearestOfAStream) {
  const ThreadBudget threads(2);
  std::vector<float> numbers(2'500);
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  numbers.push_back(700);  // as near as the one before: the first counts
  const std::vector<float> wanted{3.2F, 2'499, 700.4F, -5};
  const std::vector<std::int64_t> expected{3, 2'499, 700, 0};
  for (const std::size_t size : {1UL, 400UL, 2'501UL}) {
    NearestSearch search(threads, 1, wanted);
    EXPECT_EQ(search.indices(), (std::vector<std::int64_t>{-1, -1, -1, -1}));
    for (std::size_t at = 0; at < numbers.size(); at += size) {
      search.add(std::span(numbers).subspan(at, std::min(size, numbers.size() - at)));
    }
    EXPECT_EQ(search.indices(), expected);
  }
}

TEST(Metrics, InceptionScoreIsNumpys) {
  const auto logits = floats("logits");
  InceptionScoreBuilder builder(4, 60);
  builder.add(std::span(logits).first(100));
  builder.add(std::span(logits).subspan(100));
  const Score score = builder.finish();
  const auto& expected = values().at("inception_score");
  EXPECT_NEAR(score.mean, expected.at("mean"), 1e-9);
  EXPECT_NEAR(score.deviation, expected.at("deviation"), 1e-9);
}

// Sure of classes that are equally frequent: the number of classes. Always unsure: 1.
TEST(Metrics, InceptionScoreAtItsEnds) {
  std::vector<float> sure(200 * 5), unsure(200 * 5, 1'000);
  for (std::size_t i = 0; i < 200; ++i) sure[i * 5 + i % 5] = 5'000;
  InceptionScoreBuilder a(5, 200), b(5, 200);
  a.add(sure);
  b.add(unsure);
  EXPECT_NEAR(a.finish().mean, 5, 1e-12);
  EXPECT_NEAR(b.finish().mean, 1, 1e-12);
}

TEST(Metrics, AreChosenByName) {
  const MetricSelection some = parse_metrics("kid,prdc");
  EXPECT_TRUE(some.kid && some.prdc);
  EXPECT_FALSE(some.fid || some.is);
  for (const char* const wrong : {"", "FID", "fid,", "fid;kid", ",fid"}) {
    testing::expect_error(ErrorKind::kInvalidArgument, "there is no metric",
                          [&] { parse_metrics(wrong); });
  }
}

TEST(Metrics, RefuseTooFewVectors) {
  const ThreadBudget threads(1);
  const std::vector<float> five(5), many(100);
  testing::expect_error(ErrorKind::kInvalidArgument, "at least 6 pictures of both kinds, not 5",
                        [&] { manifold_scores(threads, 1, many, five); });
  testing::expect_error(ErrorKind::kInvalidArgument, "at least 2",
                        [&] { kernel_distance(threads, 5, many, five); });
}

}  // namespace
}  // namespace miniray
