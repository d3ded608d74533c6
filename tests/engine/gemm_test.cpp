#include "engine/kernels/gemm.h"

#include <gtest/gtest.h>

#include "support/random_values.h"
#include "support/reference_kernels.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::random_values;
using testing::reference_gemm;

// Odd, single, large enough for more than one tile, and for more than one block of k; a vector for
// one operand; a last panel of columns that one vector holds, or two.
const GemmShape kShapes[] = {{1, 1, 1},       {2, 3, 5},       {7, 1, 13},    {1, 17, 9},
                             {33, 65, 7},     {64, 96, 100},   {50, 301, 40}, {128, 513, 257},
                             {301, 49, 601},  {1, 301, 500},   {70, 150, 1},  {40, 28, 420},
                             {20, 301, 500},  {77, 1, 421},    {200, 1, 421}, {300, 301, 1},
                             {20, 301, 1100}, {100, 40, 1100}, {1, 301, 2100}};

// Whole blocks of columns: an odd number of them, one, more than one block of k, rows a multiple of
// 4 kB apart, more samples than a piece has, one row of weights, several groups of a gradient's
// tiles in pieces of several panels; tiles of one row, and of five.
const GemmShape kBlockShapes[] = {
    {1, 16, 16},     {7, 48, 32},     {33, 16, 400},   {64, 112, 96},   {50, 304, 16},
    {301, 48, 608},  {1, 304, 496},   {300, 48, 1024}, {20, 304, 1104}, {100, 48, 1104},
    {300, 48, 2048}, {300, 560, 144}, {410, 560, 32},  {97, 80, 32},    {5, 32, 1024}};

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
  // Both kinds of kernels, on every SIMD target.
  template <class Action>
  static void for_each_backend(Action action) {
    for (const ProductKernels products : {ProductKernels::kOwn, ProductKernels::kBlas}) {
      SCOPED_TRACE(products == ProductKernels::kOwn ? "own" : "blas");
      const ThreadBudget threads(2, products);
      testing::for_each_simd_target([&] { action(threads); });
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
  this->for_each_backend([&](const ThreadBudget& threads) {
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
  this->for_each_backend([&](const ThreadBudget& threads) {
    for (const auto& [m, n, k] : {GemmShape{1, 1, 3}, GemmShape{70, 96, 1100}}) {
      const auto a = this->matrix(m, k, 1), b = this->matrix(n, k, 2);
      std::vector<T> c(static_cast<std::size_t>(m * n), 1e9);
      gemm_nt<T>(threads, {m, n, k}, a, b, {}, c);
      const auto b_at = this->at(b, k);
      this->expect_near(
          c, reference_gemm(m, n, k, this->at(a, k), [&](auto p, auto j) { return b_at(j, p); }),
          k);
    }
  });
}

TYPED_TEST(Gemm, Nn) {
  using T = TypeParam;
  this->for_each_backend([&](const ThreadBudget& threads) {
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
  this->for_each_backend([&](const ThreadBudget& threads) {
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

// Own kernels give the bits that they give for rows; OpenBLAS may add in another order.
TYPED_TEST(Gemm, WeightsInBlocksGiveWhatRowsGive) {
  using T = TypeParam;
  const auto in_blocks = [](std::int64_t rows, std::int64_t columns, const std::vector<T>& values) {
    std::vector<T> blocks(values.size());
    rows_to_blocks<T>(rows, columns, values, blocks);
    return blocks;
  };
  this->for_each_backend([&](const ThreadBudget& threads) {
    const auto expect_same = [&](const std::vector<T>& blocks, const std::vector<T>& rows,
                                 std::int64_t k) {
      if (threads.products() == ProductKernels::kOwn) {
        EXPECT_EQ(blocks, rows);
      } else {
        this->expect_near(blocks, testing::Numbers(rows.begin(), rows.end()), k);
      }
    };
    for (const auto& [m, n, k] : kBlockShapes) {
      const auto a = this->matrix(m, k, 1), b = this->matrix(n, k, 2), bias = this->matrix(1, n, 3);
      std::vector<T> rows(static_cast<std::size_t>(m * n), 1e9), blocks = rows;
      gemm_nt<T>(threads, {m, n, k}, a, b, bias, rows);
      gemm_nt<T>(threads, {m, n, k}, a, in_blocks(n, k, b), bias, blocks, {}, Layout::kBlocks);
      expect_same(blocks, rows, k);
      gemm_nn<T>(threads, {m, n, k}, a, b, rows);
      gemm_nn<T>(threads, {m, n, k}, a, in_blocks(k, n, b), blocks, {}, Layout::kBlocks);
      expect_same(blocks, rows, k);
      const auto before = this->matrix(m, n, 4);
      rows = before;
      blocks = in_blocks(m, n, before);
      gemm_tn_add<T>(threads, {m, n, k}, a, b, rows);
      gemm_tn_add<T>(threads, {m, n, k}, a, b, blocks, Layout::kBlocks);
      expect_same(blocks, in_blocks(m, n, rows), k);
    }
  });
}

TYPED_TEST(Gemm, TnAdamHasTheBitsOfTheGradientAndThenAdam) {
  using T = TypeParam;
  const AdamFactors<T> factors{static_cast<T>(0.5),   static_cast<T>(0.999), static_cast<T>(1e-8),
                               static_cast<T>(0.5),   static_cast<T>(0.001), static_cast<T>(0.004),
                               static_cast<T>(31.623)};
  this->for_each_backend([&](const ThreadBudget& threads) {
    for (const auto& [m, n, k] : kBlockShapes) {
      const auto a = this->matrix(k, m, 1), b = this->matrix(k, n, 2);
      auto w = this->matrix(m, n, 3), first = this->matrix(m, n, 4), second = this->matrix(m, n, 5);
      for (T& value : second) value *= value;
      auto fused_w = w, fused_first = first, fused_second = second;
      std::vector<T> gradient(w.size());
      gemm_tn_add<T>(threads, {m, n, k}, a, b, gradient, Layout::kBlocks);
      adam_update<T>(factors, {w, first, second}, gradient);
      gemm_tn_adam<T>(threads, {m, n, k}, a, b, factors, {fused_w, fused_first, fused_second});
      EXPECT_EQ(w, fused_w);
      EXPECT_EQ(first, fused_first);
      EXPECT_EQ(second, fused_second);
    }
  });
}

TEST(GemmOfRoundedMoments, TnAdamHasTheBitsOfTheGradientAndThenAdam) {
  const AdamFactors<float> factors{0.5F, 0.999F, 1e-8F, 0.5F, 0.001F, 0.004F, 31.623F};
  const ThreadBudget threads(2, ProductKernels::kOwn);
  testing::for_each_simd_target([&] {
    for (const auto& [m, n, k] : kBlockShapes) {
      const auto size = static_cast<std::size_t>(m * n);
      const auto a = random_values<float>(static_cast<std::size_t>(k * m), 1),
                 b = random_values<float>(static_cast<std::size_t>(k * n), 2);
      auto w = random_values<float>(size, 3);
      std::vector<Bfloat16> first(size), second(size);
      round_to_bfloat16(random_values<float>(size, 4), first);
      round_to_bfloat16(random_values<float>(size, 5, 0, 1), second);
      auto fused_w = w;
      auto fused_first = first, fused_second = second;
      const auto spans = [](auto& weights, auto& m1, auto& m2) {
        return AdamSpans<float>{weights, {}, {}, {m1, m2, {7, 8}, 9}};
      };
      std::vector<float> gradient(size);
      gemm_tn_add<float>(threads, {m, n, k}, a, b, gradient, Layout::kBlocks);
      adam_update<float>(factors, spans(w, first, second), gradient);
      gemm_tn_adam<float>(threads, {m, n, k}, a, b, factors,
                          spans(fused_w, fused_first, fused_second));
      const auto bits = [](const std::vector<Bfloat16>& values) {
        std::vector<std::uint16_t> all;
        for (const Bfloat16 value : values) all.push_back(value.bits);
        return all;
      };
      EXPECT_EQ(w, fused_w);
      EXPECT_EQ(bits(first), bits(fused_first));
      EXPECT_EQ(bits(second), bits(fused_second));
    }
  });
}

class GemmThreads : public ::testing::TestWithParam<ProductKernels> {};
INSTANTIATE_TEST_SUITE_P(Kernels, GemmThreads,
                         ::testing::Values(ProductKernels::kOwn, ProductKernels::kBlas));

TEST_P(GemmThreads, EqualBitsForAnyNumberOfThreads) {
  const GemmShape shape{128, 1030, 515};
  const auto a = random_values<float>(128 * 1030, 1), b = random_values<float>(1030 * 515, 2);
  std::vector<std::vector<float>> results;
  for (const int count : {1, 2, 3}) {
    const ThreadBudget threads(count, GetParam());
    std::vector<float> nt(128 * 1030), nn(128 * 515), tn(1030 * 515);
    gemm_nt<float>(threads, shape, a, b, {}, nt);
    gemm_nn<float>(threads, {128, 515, 1030}, nt, b, nn);
    gemm_tn_add<float>(threads, {1030, 515, 128}, nt, nn, tn);
    // Weights so few beside the samples that they are what is laid out.
    std::vector<float> few(300 * 200);
    gemm_nt<float>(threads, {300, 200, 60}, std::span(a).first(300 * 60),
                   std::span(b).first(200 * 60), {}, few);
    nt.insert(nt.end(), nn.begin(), nn.end());
    nt.insert(nt.end(), tn.begin(), tn.end());
    nt.insert(nt.end(), few.begin(), few.end());
    results.push_back(nt);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace miniray
