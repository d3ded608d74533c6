#include "engine/kernels/gemm.h"

#include <gtest/gtest.h>

#include "support/random_values.h"
#include "support/reference_kernels.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::random_values;
using testing::reference_gemm;

// Odd, single, and large enough for more than one tile.
const GemmShape kShapes[] = {{1, 1, 1},   {2, 3, 5},     {7, 1, 13},    {1, 17, 9},
                             {33, 65, 7}, {64, 96, 100}, {50, 301, 40}, {128, 513, 257}};

template <class T>
class Gemm : public ::testing::Test {
 public:
  // A product of numbers in [-1, 1] with k terms is wrong by at most about k epsilon.
  static void expect_near(const std::vector<T>& c, const testing::Numbers& expected,
                          std::int64_t k) {
    const double epsilon = std::is_same_v<T, float> ? 6e-8 : 1.2e-16;
    for (std::size_t i = 0; i < c.size(); ++i) {
      ASSERT_NEAR(c[i], expected[i], 4 * epsilon * static_cast<double>(k + 1)) << "element " << i;
    }
  }
  static std::vector<T> matrix(std::int64_t rows, std::int64_t columns, unsigned seed) {
    return random_values<T>(static_cast<std::size_t>(rows * columns), seed);
  }
  static auto at(const std::vector<T>& values, std::int64_t columns) {
    return [&values, columns](std::int64_t r, std::int64_t c) -> double {
      return values[static_cast<std::size_t>(r * columns + c)];
    };
  }
};

using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, Scalars);

TYPED_TEST(Gemm, NtWithBias) {
  using T = TypeParam;
  const ThreadBudget threads(2);
  testing::for_each_simd_target([&] {
    for (const auto& [m, n, k] : kShapes) {
      const auto a = this->matrix(m, k, 1), b = this->matrix(n, k, 2), bias = this->matrix(1, n, 3);
      std::vector<T> c(static_cast<std::size_t>(m * n), 1e9);
      gemm_nt<T>(threads, {m, n, k}, a, b, bias, c);
      const auto b_at = this->at(b, k);
      auto expected =
          reference_gemm(m, n, k, this->at(a, k), [&](auto p, auto j) { return b_at(j, p); });
      for (std::size_t i = 0; i < c.size(); ++i) {
        expected[i] += bias[i % static_cast<std::size_t>(n)];
      }
      this->expect_near(c, expected, k);
    }
  });
}

TYPED_TEST(Gemm, NtWithoutBias) {
  using T = TypeParam;
  const std::vector<T> a{1, 2, 3}, b{4, 5, 6};
  std::vector<T> c(1, 99);
  gemm_nt<T>(ThreadBudget(1), {1, 1, 3}, a, b, {}, c);
  EXPECT_EQ(c[0], 32);
}

TYPED_TEST(Gemm, Nn) {
  using T = TypeParam;
  const ThreadBudget threads(2);
  testing::for_each_simd_target([&] {
    for (const auto& [m, n, k] : kShapes) {
      const auto a = this->matrix(m, k, 1), b = this->matrix(k, n, 2);
      std::vector<T> c(static_cast<std::size_t>(m * n), 1e9);
      gemm_nn<T>(threads, {m, n, k}, a, b, c);
      this->expect_near(c, reference_gemm(m, n, k, this->at(a, k), this->at(b, n)), k);
    }
  });
}

TYPED_TEST(Gemm, TnAdds) {
  using T = TypeParam;
  const ThreadBudget threads(2);
  testing::for_each_simd_target([&] {
    for (const auto& [m, n, k] : kShapes) {
      const auto a = this->matrix(k, m, 1), b = this->matrix(k, n, 2),
                 before = this->matrix(m, n, 3);
      auto c = before;
      gemm_tn_add<T>(threads, {m, n, k}, a, b, c);
      const auto a_at = this->at(a, m);
      auto expected = reference_gemm(
          m, n, k, [&](auto i, auto p) { return a_at(p, i); }, this->at(b, n));
      for (std::size_t i = 0; i < c.size(); ++i) expected[i] += before[i];
      this->expect_near(c, expected, k);
    }
  });
}

TEST(GemmThreads, EqualBitsForAnyNumberOfThreads) {
  const GemmShape shape{128, 1030, 515};
  const auto a = random_values<float>(128 * 1030, 1), b = random_values<float>(1030 * 515, 2);
  std::vector<std::vector<float>> results;
  for (const int count : {1, 2, 3}) {
    const ThreadBudget threads(count);
    std::vector<float> nt(128 * 1030), nn(128 * 515), tn(1030 * 515);
    gemm_nt<float>(threads, shape, a, b, {}, nt);
    gemm_nn<float>(threads, {128, 515, 1030}, nt, b, nn);
    gemm_tn_add<float>(threads, {1030, 515, 128}, nt, nn, tn);
    nt.insert(nt.end(), nn.begin(), nn.end());
    nt.insert(nt.end(), tn.begin(), tn.end());
    results.push_back(nt);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace miniray
