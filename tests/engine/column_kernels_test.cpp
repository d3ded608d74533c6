// The kernels over columns of row-major blocks: reduce.h, norm.h; and Adam's pass.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/kernels/adam.h"
#include "engine/kernels/norm.h"
#include "engine/kernels/reduce.h"
#include "support/random_values.h"
#include "support/reference_kernels.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::for_each_simd_target;
using testing::random_values;

struct Extents {
  std::int64_t rows, columns;
};
constexpr Extents kExtents[] = {{1, 1}, {3, 5}, {17, 8}, {5, 33}, {128, 100}};

template <class T>
class ColumnKernels : public ::testing::Test {
 public:
  static constexpr double kTolerance = std::is_same_v<T, float> ? 1e-5 : 1e-12;

  // Calls check(block, x, y, row): blocks inside wider matrices, on every target.
  template <class Check>
  void for_each_case(Check check) {
    for_each_simd_target([&] {
      for (const auto& [rows, columns] : kExtents) {
        const Block block{rows, columns, columns + 3};
        const auto size = static_cast<std::size_t>(rows * block.stride);
        check(block, random_values<T>(size, 1), random_values<T>(size, 2),
              random_values<T>(static_cast<std::size_t>(columns), 3, 0.5, 2));
      }
    });
  }
  static std::size_t at(const Block& block, std::int64_t r, std::int64_t c) {
    return static_cast<std::size_t>(r * block.stride + c);
  }
  // Sums over the rows of term(element, column).
  template <class Term>
  static testing::Numbers column_sums(const Block& block, Term term) {
    testing::Numbers sums(static_cast<std::size_t>(block.columns));
    for (std::int64_t c = 0; c < block.columns; ++c) {
      for (std::int64_t r = 0; r < block.rows; ++r) {
        sums[static_cast<std::size_t>(c)] += term(at(block, r, c), static_cast<std::size_t>(c));
      }
    }
    return sums;
  }
  static void expect_near(const std::vector<T>& found, const testing::Numbers& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i], kTolerance * std::max(1.0, std::abs(expected[i])));
    }
  }
};

using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ColumnKernels, Scalars);

TYPED_TEST(ColumnKernels, AddToRowsTouchesTheBlockAlone) {
  this->for_each_case([&](const Block& block, auto x, auto, auto row) {
    const auto before = x;
    reduce<TypeParam>().add_to_rows(block, row.data(), x.data());
    for (std::int64_t r = 0; r < block.rows; ++r) {
      for (std::int64_t c = 0; c < block.stride; ++c) {
        const std::size_t i = this->at(block, r, c);
        const TypeParam added = c < block.columns ? row[static_cast<std::size_t>(c)] : 0;
        ASSERT_EQ(x[i], before[i] + added);
      }
    }
  });
}

TYPED_TEST(ColumnKernels, AddColumnSums) {
  this->for_each_case([&](const Block& block, auto x, auto, auto row) {
    auto expected = this->column_sums(block, [&](auto i, auto) { return x[i]; });
    for (std::size_t c = 0; c < expected.size(); ++c) expected[c] += row[c];
    reduce<TypeParam>().add_column_sums(block, x.data(), row.data());
    this->expect_near(row, expected);
  });
}

TYPED_TEST(ColumnKernels, ColumnSquaresAndProducts) {
  this->for_each_case([&](const Block& block, auto x, auto y, auto centre) {
    auto sums = centre;
    reduce<TypeParam>().column_squares(block, x.data(), centre.data(), sums.data());
    this->expect_near(sums, this->column_sums(block, [&](auto i, auto c) {
      return (x[i] - centre[c]) * (x[i] - centre[c]);
    }));
    reduce<TypeParam>().column_products(block, x.data(), centre.data(), y.data(), sums.data());
    this->expect_near(
        sums, this->column_sums(block, [&](auto i, auto c) { return (x[i] - centre[c]) * y[i]; }));
  });
}

TYPED_TEST(ColumnKernels, BlockSums) {
  using T = TypeParam;
  this->for_each_case([&](const Block& block, auto x, auto y, auto) {
    const T centre = static_cast<T>(0.3);
    testing::Numbers expected(3);
    for (std::int64_t r = 0; r < block.rows; ++r) {
      for (std::int64_t c = 0; c < block.columns; ++c) {
        const std::size_t i = this->at(block, r, c);
        expected[0] += x[i];
        expected[1] += (x[i] - centre) * (x[i] - centre);
        expected[2] += (x[i] - centre) * y[i];
      }
    }
    this->expect_near(
        {reduce<T>().block_sum(block, x.data()), reduce<T>().block_squares(block, x.data(), centre),
         reduce<T>().block_products(block, x.data(), centre, y.data())},
        expected);
  });
}

TYPED_TEST(ColumnKernels, Statistics) {
  this->for_each_case([&](const Block& block, auto x, auto, auto row) {
    auto mean = row, variance = row, inverse = row;
    const double n = static_cast<double>(block.rows);
    column_statistics(block, x.data(), static_cast<TypeParam>(0.25), mean.data(), variance.data(),
                      inverse.data());
    auto expected = this->column_sums(block, [&](auto i, auto) { return x[i] / n; });
    this->expect_near(mean, expected);
    expected = this->column_sums(
        block, [&](auto i, auto c) { return (x[i] - expected[c]) * (x[i] - expected[c]) / n; });
    this->expect_near(variance, expected);
    for (double& value : expected) value = 1 / std::sqrt(value + 0.25);
    this->expect_near(inverse, expected);
  });
}

TYPED_TEST(ColumnKernels, NormaliseAndBackwardInput) {
  this->for_each_case([&](const Block& block, auto x, auto dy, auto weight) {
    auto mean = weight, inverse = weight, bias = weight;
    for (std::size_t c = 0; c < weight.size(); ++c) {
      mean[c] -= 1;
      inverse[c] *= 2;
      bias[c] = 3 - bias[c];
    }
    auto y = x, dx = x;
    norm<TypeParam>().normalise(block, x.data(), mean.data(), inverse.data(), weight.data(),
                                bias.data(), y.data());
    norm<TypeParam>().backward_input(block, x.data(), dy.data(), mean.data(), weight.data(),
                                     bias.data(), inverse.data(), dx.data());
    for (std::int64_t r = 0; r < block.rows; ++r) {
      for (std::size_t c = 0; c < weight.size(); ++c) {
        const std::size_t i = this->at(block, r, static_cast<std::int64_t>(c));
        const double distance = static_cast<double>(x[i]) - mean[c];
        ASSERT_NEAR(y[i], distance * inverse[c] * weight[c] + bias[c], this->kTolerance);
        ASSERT_NEAR(dx[i], weight[c] * (dy[i] - bias[c] - distance * inverse[c]), this->kTolerance);
      }
    }
  });
}

TYPED_TEST(ColumnKernels, NormaliseAndBackwardInputOfBlocks) {
  using T = TypeParam;
  this->for_each_case([&](const Block& block, auto x, auto dy, auto) {
    auto y = x, dx = x;
    norm<T>().normalise_block(block, x.data(), T{2}, T{0.5}, T{3}, T{-1}, y.data());
    norm<T>().backward_input_block(block, x.data(), dy.data(), T{2}, T{0.5}, T{3}, T{-1},
                                   dx.data());
    for (std::int64_t r = 0; r < block.rows; ++r) {
      for (std::int64_t c = 0; c < block.columns; ++c) {
        const std::size_t i = this->at(block, r, c);
        const double distance = static_cast<double>(x[i]) - 2;
        ASSERT_NEAR(y[i], distance * 0.5 * 3 - 1, this->kTolerance);
        ASSERT_NEAR(dx[i], 0.5 * dy[i] - 3 + distance, this->kTolerance);
      }
    }
  });
}

TEST(AdamKernel, FollowsTheAlgorithmAndClearsTheGradient) {
  for_each_simd_target([] {
    for (const std::size_t size : {1, 7, 8, 100}) {
      auto w = random_values<double>(size, 1);
      const auto initial = w;
      std::vector<double> m(size), v(size);
      std::vector<testing::ReferenceAdam> reference(size, {0.01, 0.5, 0.999, 1e-8});
      auto expected = initial;
      for (int step = 1; step <= 5; ++step) {
        auto g = random_values<double>(size, static_cast<unsigned>(10 + step));
        for (std::size_t i = 0; i < size; ++i) {
          expected[i] = reference[i].update(expected[i], g[i]);
        }
        const AdamFactors<double> factors{
            .beta1 = 0.5,
            .beta2 = 0.999,
            .epsilon = 1e-8,
            .rest1 = 0.5,
            .rest2 = 0.001,
            .step_size = 0.01 / (1 - std::pow(0.5, step)),
            .inverse_root_bias2 = 1 / std::sqrt(1 - std::pow(0.999, step))};
        adam_update<double>(factors, {w, m, v}, g);
        for (std::size_t i = 0; i < size; ++i) {
          ASSERT_NEAR(w[i], expected[i], 1e-10);
          ASSERT_EQ(g[i], 0);
        }
      }
    }
  });
}

}  // namespace
}  // namespace miniray
