// Convolutions and pools with channels last against their definitions, on every SIMD target.
#include "engine/kernels/channels_last.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::random_values;

// Pictures with memory of their own.
struct Pictures {
  Pictures(std::int64_t images, std::int64_t height, std::int64_t width, std::int64_t channels,
           std::int64_t border_height = 0, std::int64_t border_width = 0)
      : rows(height + 2 * border_height),
        columns(width + 2 * border_width),
        // Whoever reads what nobody wrote shall be seen.
        values(static_cast<std::size_t>(images * rows * columns * channels), std::nanf("")),
        all{values.data() + (border_height * columns + border_width) * channels,
            images,
            height,
            width,
            channels,
            channels,
            columns * channels,
            rows * columns * channels,
            border_height,
            border_width} {}

  void fill(unsigned seed) {
    const auto numbers = random_values<float>(values.size(), seed);
    std::size_t next = 0;
    for (std::int64_t n = 0; n < all.images; ++n) {
      for (std::int64_t i = 0; i < all.height; ++i) {
        for (std::int64_t e = 0; e < all.width * all.channels; ++e) {
          all.row(n, i)[e] = numbers[next++];
        }
      }
    }
  }
  // Zero outside of the picture.
  double at(std::int64_t n, std::int64_t i, std::int64_t j, std::int64_t c) const {
    if (i < 0 || i >= all.height || j < 0 || j >= all.width) return 0;
    return all.row(n, i)[j * all.channels + c];
  }

  std::int64_t rows, columns;
  std::vector<float> values;
  ChannelsLast<float> all;
};

struct Case {
  std::int64_t images, height, width;
  InferenceConvShape shape;
};

const Case kCases[] = {
    {2,
     9,
     7,
     {.channels = 3, .out_channels = 32, .kernel_height = 3, .kernel_width = 3, .stride = 2}},
    {3, 8, 8, {.channels = 40, .out_channels = 70}},
    {2, 5, 9, {.channels = 20, .out_channels = 33, .kernel_width = 7, .padding_width = 3}},
    {2, 9, 5, {.channels = 20, .out_channels = 48, .kernel_height = 7, .padding_height = 3}},
    {1,
     7,
     6,
     {.channels = 70,
      .out_channels = 5,
      .kernel_height = 5,
      .kernel_width = 5,
      .padding_height = 2,
      .padding_width = 2,
      .relu = false}},
    {1,
     30,
     31,
     {.channels = 2,
      .out_channels = 300,
      .kernel_height = 3,
      .kernel_width = 3,
      .padding_height = 1,
      .padding_width = 1}},
    {5, 1, 1, {.channels = 600, .out_channels = 17, .relu = false}},
};

double expected(const Case& c, const Pictures& x, std::span<const float> w, double bias,
                std::int64_t n, std::int64_t i, std::int64_t j, std::int64_t o) {
  const InferenceConvShape& s = c.shape;
  double sum = bias;
  for (std::int64_t channel = 0; channel < s.channels; ++channel) {
    for (std::int64_t a = 0; a < s.kernel_height; ++a) {
      for (std::int64_t b = 0; b < s.kernel_width; ++b) {
        const std::int64_t at =
            ((o * s.channels + channel) * s.kernel_height + a) * s.kernel_width + b;
        sum += x.at(n, i * s.stride + a - s.padding_height, j * s.stride + b - s.padding_width,
                    channel) *
               w[static_cast<std::size_t>(at)];
      }
    }
  }
  return s.relu ? std::max(sum, 0.0) : sum;
}

// y's channels lie between others, which must stay as they are.
void check_conv(const Case& c, const ThreadBudget& threads) {
  constexpr std::int64_t kBefore = 3, kAfter = 2;
  const InferenceConvShape& s = c.shape;
  Pictures x(c.images, c.height, c.width, s.channels, s.padding_height, s.padding_width);
  x.fill(1);
  clear_border(threads, x.all);
  const auto w = random_values<float>(static_cast<std::size_t>(s.weights()), 2);
  const auto bias = random_values<float>(static_cast<std::size_t>(s.out_channels), 3);
  Pictures y(c.images, s.out_height(c.height), s.out_width(c.width),
             kBefore + s.out_channels + kAfter);
  InferenceConv(s, w, bias).run(threads, x.all.view(), y.all.slice(kBefore, s.out_channels));
  const double tolerance = 1e-6 * static_cast<double>(s.weights() / s.out_channels + 1);
  for (std::int64_t n = 0; n < c.images; ++n) {
    for (std::int64_t i = 0; i < y.all.height; ++i) {
      for (std::int64_t j = 0; j < y.all.width; ++j) {
        for (std::int64_t o = 0; o < s.out_channels; ++o) {
          ASSERT_NEAR(y.at(n, i, j, kBefore + o),
                      expected(c, x, w, bias[static_cast<std::size_t>(o)], n, i, j, o), tolerance)
              << n << " " << i << " " << j << " " << o;
        }
        for (const std::int64_t other : {kBefore - 1, kBefore + s.out_channels}) {
          ASSERT_TRUE(std::isnan(y.at(n, i, j, other)));
        }
      }
    }
  }
}

TEST(ChannelsLast, ConvolutionsAreWhatTheirDefinitionSays) {
  const ThreadBudget threads(2);
  testing::for_each_simd_target([&] {
    for (const Case& c : kCases) {
      SCOPED_TRACE(c.shape.channels);
      check_conv(c, threads);
    }
  });
}

// A picture's bits do not depend on threads, nor on the pictures around it.
TEST(ChannelsLast, ConvolutionsHaveTheSameBitsHoweverTheyAreTaken) {
  const InferenceConvShape s{
      .channels = 50, .out_channels = 90, .kernel_height = 3, .kernel_width = 3};
  const auto w = random_values<float>(static_cast<std::size_t>(s.weights()), 2);
  const auto bias = random_values<float>(90, 3);
  Pictures x(9, 8, 8, 50), y(9, 6, 6, 90), again(9, 6, 6, 90);
  x.fill(1);
  const InferenceConv conv(s, w, bias);
  const ThreadBudget one(1), three(3);
  conv.run(one, x.all.view(), y.all);
  conv.run(three, x.all.view(), again.all);
  EXPECT_EQ(y.values, again.values);
  ChannelsLast<float> last = x.all;
  last.data = x.all.row(8, 0);
  Pictures alone(1, 6, 6, 90);
  conv.run(three, last.first_images(1).view(), alone.all);
  EXPECT_TRUE(std::ranges::equal(alone.values, std::span(y.values).last(alone.values.size())));
}

template <class Pool, class Reference>
void check_pool(const PoolShape& p, Pool pool, Reference reference) {
  const ThreadBudget threads(2);
  Pictures x(2, 9, 7, 21);
  x.fill(4);
  const auto out = [&](std::int64_t extent) {
    return (extent + 2 * p.padding - p.kernel) / p.stride + 1;
  };
  Pictures y(2, out(9), out(7), 21);
  pool(threads, p, x.all.view(), y.all);
  for (std::int64_t n = 0; n < 2; ++n) {
    for (std::int64_t i = 0; i < y.all.height; ++i) {
      for (std::int64_t j = 0; j < y.all.width; ++j) {
        for (std::int64_t c = 0; c < 21; ++c) {
          std::vector<double> window;
          for (std::int64_t a = i * p.stride - p.padding; a < i * p.stride - p.padding + p.kernel;
               ++a) {
            for (std::int64_t b = j * p.stride - p.padding; b < j * p.stride - p.padding + p.kernel;
                 ++b) {
              if (a >= 0 && a < 9 && b >= 0 && b < 7) window.push_back(x.at(n, a, b, c));
            }
          }
          ASSERT_NEAR(y.at(n, i, j, c), reference(window), 1e-6);
        }
      }
    }
  }
}

TEST(ChannelsLast, PoolsLeaveOutWhatIsOutside) {
  testing::for_each_simd_target([&] {
    for (const PoolShape& p : {PoolShape{3, 1, 1}, PoolShape{3, 2, 0}, PoolShape{2, 2, 0}}) {
      check_pool(p, max_pool, [](const std::vector<double>& window) {
        return *std::ranges::max_element(window);
      });
      check_pool(p, average_pool, [](const std::vector<double>& window) {
        double sum = 0;
        for (const double value : window) sum += value;
        return sum / static_cast<double>(window.size());
      });
    }
  });
}

TEST(ChannelsLast, RefusesWhatDoesNotFit) {
  const ThreadBudget threads(1);
  const InferenceConvShape s{
      .channels = 2, .out_channels = 2, .kernel_width = 3, .padding_width = 1};
  const std::vector<float> w(12), bias(2);
  Pictures without_border(1, 4, 4, 2), y(1, 4, 4, 2), smaller(1, 3, 4, 2);
  testing::expect_error(ErrorKind::kInvalidArgument, "does not lead from pictures of 4x4", [&] {
    InferenceConv(s, w, bias).run(threads, without_border.all.view(), y.all);
  });
  testing::expect_error(ErrorKind::kInvalidArgument, "pools of 4x4 pixels are not 3x4", [&] {
    max_pool(threads, {3, 1, 1}, y.all.view(), smaller.all);
  });
}

}  // namespace
}  // namespace miniray
