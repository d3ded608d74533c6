#include "engine/kernels/conv.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/random_values.h"
#include "support/reference_kernels.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::random_values;

// {images, channels, height, width, out channels, kernel, stride, padding}
const ConvShape kShapes[] = {
    {2, 3, 8, 8, 5, 4, 2, 1},       // DCGAN's kind
    {3, 17, 5, 7, 20, 3, 1, 1},     // odd everything
    {5, 4, 4, 4, 33, 4, 1, 0},      // the kernel covers the picture
    {2, 40, 6, 6, 18, 1, 1, 0},     // pointwise
    {1, 2, 9, 11, 3, 5, 3, 2},      // rows and columns that no tap reaches
    {2, 2, 7, 7, 3, 1, 2, 0},       // a stride beyond the kernel
    {2, 3, 6, 5, 4, 2, 3, 0},       // the same, kernel of two
    {1, 1, 1, 1, 1, 3, 1, 1},       // one pixel
    {1, 3, 3, 4, 2, 3, 2, 4},       // padding beyond the kernel
    {2, 130, 8, 8, 70, 4, 2, 1},    // more channels than one block and one piece
    {1, 2, 40, 40, 3, 3, 1, 1},     // more rows than one band
    {2, 2, 33, 27, 3, 4, 2, 1},     // the same, with a stride
    {13, 6, 8, 8, 4, 4, 2, 1},      // more pictures than one band
    {3, 3, 32, 32, 70, 4, 2, 1},    // few channels of x, many of y: DCGAN's last layer
    {2, 70, 20, 20, 3, 3, 1, 1},    // few channels of y
    {2, 2, 23, 35, 40, 5, 3, 2},    // a stride of three, odd extents
    {2, 1, 70, 9, 30, 4, 2, 0},     // more rows than one band, no padding
    {2, 20, 16, 15, 270, 1, 1, 0},  // pointwise, more channels and pixels than one piece
    // By Winograd's filtering:
    {3, 20, 8, 12, 40, 3, 1, 1},   // two pictures a band, then one; channels beyond a vector
    {2, 17, 40, 36, 33, 3, 1, 1},  // more rows than one band
    {13, 16, 4, 4, 16, 3, 1, 1},   // more pictures than one band
    {2, 18, 6, 8, 16, 3, 1, 0},    // no padding
    {2, 16, 4, 6, 20, 3, 1, 2},    // the most padding that a tap can meet
    {2, 16, 4, 6, 16, 3, 1, 4},    // more: whole tiles of zeros, a source that begins inside
    {3, 16, 2, 2, 16, 2, 1, 0},    // y of one pixel
    {2, 17, 44, 36, 18, 4, 2, 1},  // rows of bands that are not all of a size, a stride of two
    {2, 17, 22, 18, 33, 3, 1, 1},  // the same of one
    {27, 16, 8, 8, 16, 3, 1, 1},   // pictures of bands that are not all of a size
    {1, 390, 4, 4, 34, 3, 1, 1},   // more channels than one chain
    {2, 34, 12, 8, 17, 6, 2, 2},   // three taps of stride two
    {2, 16, 6, 10, 16, 4, 2, 2},   // two taps of stride two, more padding
    {2, 16, 12, 18, 16, 6, 3, 2},  // two taps of stride three
    {2, 19, 7, 9, 18, 2, 1, 0},    // two taps: y has even extents, x odd ones
};

std::int64_t x_size(const ConvShape& s) { return s.images * s.channels * s.height * s.width; }
std::int64_t y_size(const ConvShape& s) {
  return s.images * s.out_channels * s.out_height() * s.out_width();
}
std::int64_t w_size(const ConvShape& s) {
  return s.out_channels * s.channels * s.kernel * s.kernel;
}

std::string text_of(const ConvShape& s) {
  std::string text;
  for (const std::int64_t extent :
       {s.images, s.channels, s.height, s.width, s.out_channels, s.kernel, s.stride, s.padding}) {
    text += std::to_string(extent) + " ";
  }
  return text;
}

template <class T>
std::vector<T> values(std::int64_t size, unsigned seed) {
  return random_values<T>(static_cast<std::size_t>(size), seed);
}

template <class T>
class Conv : public ::testing::Test {
 public:
  // Sums of `terms` products of numbers in [-1, 1].
  static void expect_near(const std::vector<T>& found, const testing::Numbers& expected,
                          std::int64_t terms) {
    const double epsilon = std::is_same_v<T, float> ? 6e-8 : 1.2e-16;
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i], 4 * epsilon * static_cast<double>(terms + 1))
          << "element " << i;
    }
  }
  template <class Action>
  static void for_each_shape(Action action) {
    const ThreadBudget threads(2);
    testing::for_each_simd_target([&] {
      for (const ConvShape& shape : kShapes) {
        SCOPED_TRACE(text_of(shape));
        action(threads, shape);
      }
    });
  }
};

using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Conv, Scalars);

TYPED_TEST(Conv, Convolves) {
  using T = TypeParam;
  this->for_each_shape([&](const ThreadBudget& threads, const ConvShape& s) {
    const auto x = values<T>(x_size(s), 1), w = values<T>(w_size(s), 2),
               bias = values<T>(s.out_channels, 3);
    testing::Numbers expected(static_cast<std::size_t>(y_size(s)));
    testing::for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
      expected[k] += static_cast<double>(x[i]) * w[j];
    });
    std::vector<T> y(expected.size(), 1e9);
    convolve<T>(threads, s, x, w, {}, y);
    this->expect_near(y, expected, s.channels * s.kernel * s.kernel);
    testing::add_to_channels(expected, bias, s.images);
    convolve<T>(threads, s, x, w, bias, y);
    this->expect_near(y, expected, s.channels * s.kernel * s.kernel);
  });
}

TYPED_TEST(Conv, ConvolvesBackwards) {
  using T = TypeParam;
  this->for_each_shape([&](const ThreadBudget& threads, const ConvShape& s) {
    const auto y = values<T>(y_size(s), 1), w = values<T>(w_size(s), 2),
               bias = values<T>(s.channels, 3);
    testing::Numbers expected(static_cast<std::size_t>(x_size(s)));
    testing::for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
      expected[i] += static_cast<double>(y[k]) * w[j];
    });
    std::vector<T> x(expected.size(), 1e9);
    convolve_adjoint<T>(threads, s, y, w, {}, x);
    this->expect_near(x, expected, s.out_channels * s.kernel * s.kernel);
    testing::add_to_channels(expected, bias, s.images);
    convolve_adjoint<T>(threads, s, y, w, bias, x);
    this->expect_near(x, expected, s.out_channels * s.kernel * s.kernel);
  });
}

TYPED_TEST(Conv, AddsWeightGradients) {
  using T = TypeParam;
  this->for_each_shape([&](const ThreadBudget& threads, const ConvShape& s) {
    const auto x = values<T>(x_size(s), 1), y = values<T>(y_size(s), 2),
               before = values<T>(w_size(s), 3);
    testing::Numbers expected(before.begin(), before.end());
    testing::for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
      expected[j] += static_cast<double>(x[i]) * y[k];
    });
    auto w = before;
    convolve_weights_add<T>(threads, s, x, y, w);
    this->expect_near(w, expected, s.images * s.out_height() * s.out_width());
  });
}

// Pictures as they may be stored, and what they then are.
struct StoredPictures {
  std::vector<float> exact;
  std::vector<Bfloat16> rounded;
  testing::Numbers numbers;

  StoredPictures(std::int64_t size, unsigned seed, bool as_bfloat16)
      : exact(values<float>(size, seed)) {
    if (as_bfloat16) {
      rounded.resize(exact.size());
      round_to_bfloat16(exact, rounded);
      for (float& value : exact) value = testing::reference_bfloat16(value);
    }
    numbers = testing::widen(exact);
  }
  StoredSpan<const float> span() const {
    if (rounded.empty()) return std::span<const float>(exact);
    return std::span<const Bfloat16>(rounded);
  }
};

// Pictures are computed as floats, which a sum of `terms` products of numbers in [-1, 1] may leave
// some roundings beside the exact one, and then rounded to the nearest bfloat16: monotone, so that
// what is found lies between the roundings of the two ends.
class Bfloat16Conv : public ::testing::TestWithParam<std::pair<bool, bool>> {
 public:
  static double error_of(std::int64_t terms) { return 4 * 6e-8 * static_cast<double>(terms + 1); }

  // make(memory for the result)
  template <class Make>
  static void expect_made(const testing::Numbers& expected, std::int64_t terms, bool as_bfloat16,
                          Make make) {
    const double error = error_of(terms);
    if (!as_bfloat16) {
      std::vector<float> found(expected.size(), 1e9);
      make(StoredSpan<float>(std::span(found)));
      return Conv<float>::expect_near(found, expected, terms);
    }
    std::vector<Bfloat16> rounded(expected.size(), Bfloat16{0x7F7F});
    std::vector<float> found(expected.size());
    make(StoredSpan<float>(std::span(rounded)));
    widen(rounded, found);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto low = static_cast<float>(expected[i] - error);
      const auto high = static_cast<float>(expected[i] + error);
      ASSERT_GE(found[i], testing::reference_bfloat16(low)) << "element " << i;
      ASSERT_LE(found[i], testing::reference_bfloat16(high)) << "element " << i;
    }
  }
  template <class Action>
  static void for_each_shape(Action action) {
    Conv<float>::for_each_shape([&](const ThreadBudget& threads, const ConvShape& s) {
      if (!covers_whole_pictures(s)) action(threads, s);
    });
  }
};

TEST_P(Bfloat16Conv, Convolves) {
  const auto [x_rounded, y_rounded] = GetParam();
  for_each_shape([&](const ThreadBudget& threads, const ConvShape& s) {
    const StoredPictures x(x_size(s), 1, x_rounded);
    const auto w = values<float>(w_size(s), 2), bias = values<float>(s.out_channels, 3);
    testing::Numbers expected(static_cast<std::size_t>(y_size(s)));
    testing::for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
      expected[k] += x.numbers[i] * w[j];
    });
    testing::add_to_channels(expected, bias, s.images);
    expect_made(expected, s.channels * s.kernel * s.kernel, y_rounded,
                [&](StoredSpan<float> y) { convolve<float>(threads, s, x.span(), w, bias, y); });
  });
}

TEST_P(Bfloat16Conv, ConvolvesBackwards) {
  const auto [x_rounded, y_rounded] = GetParam();
  for_each_shape([&](const ThreadBudget& threads, const ConvShape& s) {
    const StoredPictures y(y_size(s), 1, y_rounded);
    const auto w = values<float>(w_size(s), 2), bias = values<float>(s.channels, 3);
    testing::Numbers expected(static_cast<std::size_t>(x_size(s)));
    testing::for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
      expected[i] += y.numbers[k] * w[j];
    });
    testing::add_to_channels(expected, bias, s.images);
    expect_made(
        expected, s.out_channels * s.kernel * s.kernel, x_rounded,
        [&](StoredSpan<float> x) { convolve_adjoint<float>(threads, s, y.span(), w, bias, x); });
  });
}

TEST_P(Bfloat16Conv, AddsWeightGradients) {
  const auto [x_rounded, y_rounded] = GetParam();
  for_each_shape([&](const ThreadBudget& threads, const ConvShape& s) {
    const StoredPictures x(x_size(s), 1, x_rounded), y(y_size(s), 2, y_rounded);
    auto w = values<float>(w_size(s), 3);
    testing::Numbers expected(w.begin(), w.end());
    testing::for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
      expected[j] += x.numbers[i] * y.numbers[k];
    });
    convolve_weights_add<float>(threads, s, x.span(), y.span(), w);
    Conv<float>::expect_near(w, expected, s.images * s.out_height() * s.out_width());
  });
}

// Which of x and y stand as bfloat16.
INSTANTIATE_TEST_SUITE_P(Pictures, Bfloat16Conv,
                         ::testing::Values(std::pair{true, true}, std::pair{true, false},
                                           std::pair{false, true}));

// So many tiles that their sums are taken in parts; of the last bands that are laid out together,
// only one part has any.
TEST(ConvParts, WeightGradientsOfManyPicturesAreOneSum) {
  const ThreadBudget threads(2);
  const ConvShape s{11, 16, 32, 32, 16, 3, 1, 1};
  const auto x = values<float>(x_size(s), 1), y = values<float>(y_size(s), 2);
  testing::Numbers expected(static_cast<std::size_t>(w_size(s)));
  testing::for_each_product(s, [&](std::size_t i, std::size_t j, std::size_t k) {
    expected[j] += static_cast<double>(x[i]) * y[k];
  });
  testing::for_each_simd_target([&] {
    std::vector<float> w(expected.size());
    convolve_weights_add<float>(threads, s, x, y, w);
    Conv<float>::expect_near(w, expected, s.images * s.out_height() * s.out_width());
  });
}

std::vector<float> all_three(const ThreadBudget& threads, const ConvShape& s) {
  const auto x = values<float>(x_size(s), 1), w = values<float>(w_size(s), 2);
  std::vector<float> y(static_cast<std::size_t>(y_size(s))), dx(x.size()), dw(w.size());
  convolve<float>(threads, s, x, w, {}, y);
  convolve_adjoint<float>(threads, s, y, w, {}, dx);
  convolve_weights_add<float>(threads, s, x, y, dw);
  y.insert(y.end(), dx.begin(), dx.end());
  y.insert(y.end(), dw.begin(), dw.end());
  return y;
}

TEST(ConvThreads, EqualBitsForAnyNumberOfThreads) {
  for (const ConvShape& shape :
       {ConvShape{40, 37, 16, 16, 64, 4, 2, 1}, ConvShape{7, 20, 30, 30, 20, 3, 1, 1},
        ConvShape{40, 5, 16, 16, 64, 4, 2, 1}, ConvShape{7, 20, 31, 30, 20, 3, 1, 1},
        ConvShape{7, 20, 16, 16, 300, 1, 1, 0}, ConvShape{20, 20, 32, 32, 40, 3, 1, 1}}) {
    const auto one = all_three(ThreadBudget(1), shape);
    EXPECT_EQ(one, all_three(ThreadBudget(2), shape));
    EXPECT_EQ(one, all_three(ThreadBudget(5), shape));
  }
}

TEST(ConvThreads, APictureHasTheSameBitsWhateverIsAroundIt) {
  const ThreadBudget threads(1);
  for (const ConvShape& whole :
       {ConvShape{9, 5, 8, 8, 20, 4, 2, 1}, ConvShape{9, 20, 8, 8, 20, 4, 2, 1},
        ConvShape{9, 20, 4, 4, 20, 3, 1, 1}, ConvShape{9, 20, 8, 8, 20, 1, 1, 0}}) {
    SCOPED_TRACE(text_of(whole));
    ConvShape one = whole;
    one.images = 1;
    const auto w = values<float>(w_size(whole), 2);
    const auto expect_same_last = [&](std::int64_t from_size, std::int64_t to_size, auto convolve) {
      const auto from = values<float>(9 * from_size, 1);
      std::vector<float> all(static_cast<std::size_t>(9 * to_size));
      std::vector<float> last(static_cast<std::size_t>(to_size));
      convolve(whole, std::span<const float>(from), std::span<float>(all));
      convolve(one, std::span<const float>(from).last(static_cast<std::size_t>(from_size)),
               std::span<float>(last));
      EXPECT_TRUE(std::ranges::equal(last, std::span(all).last(last.size())));
    };
    expect_same_last(x_size(one), y_size(one), [&](const ConvShape& s, auto x, auto y) {
      convolve<float>(threads, s, x, w, {}, y);
    });
    expect_same_last(y_size(one), x_size(one), [&](const ConvShape& s, auto y, auto x) {
      convolve_adjoint<float>(threads, s, y, w, {}, x);
    });
  }
}

}  // namespace
}  // namespace miniray
