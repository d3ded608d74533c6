#include "engine/kernels/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "support/random_values.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::for_each_simd_target;
using testing::random_values;

constexpr std::size_t kSizes[] = {0, 1, 3, 7, 8, 9, 31, 64, 100};

template <class T>
constexpr double kTolerance = std::is_same_v<T, float> ? 4e-7 : 1e-14;

template <class T>
class Elementwise : public ::testing::Test {
 public:
  using Forward = std::function<void(std::span<const T>, std::span<T>)>;
  using Backward = std::function<void(std::span<const T>, std::span<const T>, std::span<T>)>;

  // On every target and size, against the definition; once in place.
  void expect_forward(const Forward& kernel, const std::function<double(double)>& definition) {
    for_each_simd_target([&] {
      for (const std::size_t size : kSizes) {
        const auto x = random_values<T>(size, 1, -8, 8);
        std::vector<T> y(size), in_place = x;
        kernel(x, y);
        kernel(in_place, in_place);
        for (std::size_t i = 0; i < size; ++i) {
          ASSERT_NEAR(y[i], definition(x[i]), kTolerance<T> * std::max(1.0, std::abs(1.0 * y[i])));
          ASSERT_EQ(in_place[i], y[i]);
        }
      }
    });
  }

  void expect_backward(const Backward& kernel,
                       const std::function<double(double y, double dy)>& definition) {
    for_each_simd_target([&] {
      for (const std::size_t size : kSizes) {
        const auto y = random_values<T>(size, 1), dy = random_values<T>(size, 2);
        std::vector<T> dx(size);
        kernel(y, dy, dx);
        for (std::size_t i = 0; i < size; ++i) {
          ASSERT_NEAR(dx[i], definition(y[i], dy[i]), kTolerance<T>);
        }
      }
    });
  }
};

using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Elementwise, Scalars);

TYPED_TEST(Elementwise, Relu) {
  using T = TypeParam;
  this->expect_forward([](auto x, auto y) { elementwise<T>().relu_forward(x, y); },
                       [](double x) { return x > 0 ? x : 0; });
  this->expect_backward([](auto y, auto dy, auto dx) { elementwise<T>().relu_backward(y, dy, dx); },
                        [](double y, double dy) { return y > 0 ? dy : 0; });
}

TYPED_TEST(Elementwise, LeakyRelu) {
  using T = TypeParam;
  const T slope = static_cast<T>(0.2);
  this->expect_forward([&](auto x, auto y) { elementwise<T>().leaky_relu_forward(slope, x, y); },
                       [](double x) { return x > 0 ? x : 0.2 * x; });
  this->expect_backward(
      [&](auto y, auto dy, auto dx) { elementwise<T>().leaky_relu_backward(slope, y, dy, dx); },
      [](double y, double dy) { return y > 0 ? dy : 0.2 * dy; });
}

TYPED_TEST(Elementwise, Tanh) {
  using T = TypeParam;
  this->expect_forward([](auto x, auto y) { elementwise<T>().tanh_forward(x, y); },
                       [](double x) { return std::tanh(x); });
  this->expect_backward([](auto y, auto dy, auto dx) { elementwise<T>().tanh_backward(y, dy, dx); },
                        [](double y, double dy) { return dy * (1 - y * y); });
}

TYPED_TEST(Elementwise, Sigmoid) {
  using T = TypeParam;
  this->expect_forward([](auto x, auto y) { elementwise<T>().sigmoid_forward(x, y); },
                       [](double x) { return 1 / (1 + std::exp(-x)); });
  this->expect_backward(
      [](auto y, auto dy, auto dx) { elementwise<T>().sigmoid_backward(y, dy, dx); },
      [](double y, double dy) { return dy * y * (1 - y); });
}

TYPED_TEST(Elementwise, MaskedScale) {
  using T = TypeParam;
  for_each_simd_target([] {
    for (const std::size_t size : kSizes) {
      const auto x = random_values<T>(size, 1);
      std::vector<std::uint8_t> mask((size + 7) / 8);
      for (std::size_t i = 0; i < mask.size(); ++i)
        mask[i] = static_cast<std::uint8_t>(37 * i + 91);
      std::vector<T> y(size);
      elementwise<T>().masked_scale(static_cast<T>(2.5), x, mask, y);
      for (std::size_t i = 0; i < size; ++i) {
        const bool kept = (mask[i / 8] >> (i % 8) & 1) != 0;
        ASSERT_EQ(y[i], kept ? x[i] * static_cast<T>(2.5) : 0) << i;
      }
    }
  });
}

TYPED_TEST(Elementwise, AddAndScale) {
  using T = TypeParam;
  for_each_simd_target([] {
    for (const std::size_t size : kSizes) {
      const auto x = random_values<T>(size, 1), before = random_values<T>(size, 2);
      auto y = before;
      elementwise<T>().add_and_scale(static_cast<T>(0.25), x, y);
      for (std::size_t i = 0; i < size; ++i) {
        ASSERT_EQ(y[i], static_cast<T>(0.25) * (before[i] + x[i]));
      }
    }
  });
}

TYPED_TEST(Elementwise, AddScaled) {
  using T = TypeParam;
  for_each_simd_target([] {
    for (const std::size_t size : kSizes) {
      const auto x = random_values<T>(size, 1), before = random_values<T>(size, 2);
      auto y = before;
      elementwise<T>().add_scaled(static_cast<T>(0.75), x, y);
      for (std::size_t i = 0; i < size; ++i) {
        ASSERT_NEAR(y[i], before[i] + 0.75 * x[i], kTolerance<T>);
      }
    }
  });
}

TYPED_TEST(Elementwise, Approach) {
  using T = TypeParam;
  for_each_simd_target([] {
    for (const std::size_t size : kSizes) {
      const auto x = random_values<T>(size, 1), before = random_values<T>(size, 2);
      auto y = before;
      elementwise<T>().approach(static_cast<T>(0.25), x, y);
      for (std::size_t i = 0; i < size; ++i) {
        ASSERT_NEAR(y[i], 0.75 * before[i] + 0.25 * x[i], kTolerance<T>);
      }
    }
  });
}

}  // namespace
}  // namespace miniray
