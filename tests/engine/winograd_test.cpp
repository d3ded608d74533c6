#include "engine/kernels/winograd.h"

#include <gtest/gtest.h>

#include "support/random_values.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

constexpr std::int64_t kChannels = 21;  // a vector's and some more
constexpr std::int64_t kRoom = 32;

// Grids [side][side][kRoom], one after the other.
GridSteps steps_of(std::int64_t side) { return {side * kRoom, kRoom, side * side * kRoom}; }

template <class T>
std::vector<T> grids(std::int64_t side, std::int64_t count, unsigned seed) {
  return testing::random_values<T>(static_cast<std::size_t>(side * side * count * kRoom), seed);
}

template <class T>
std::vector<T> mapped(GridMap<T> map, const std::vector<T>& from, std::int64_t from_side,
                      std::int64_t to_side) {
  const auto count = static_cast<std::int64_t>(from.size()) / (from_side * from_side * kRoom);
  std::vector<T> to(static_cast<std::size_t>(to_side * to_side * count * kRoom), T{1000});
  map(count, kChannels, from.data(), steps_of(from_side), to.data(), steps_of(to_side));
  return to;
}

// Over the channels that count, in double.
template <class T>
double inner_product(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (static_cast<std::int64_t>(i) % kRoom < kChannels) sum += static_cast<double>(a[i]) * b[i];
  }
  return sum;
}

template <class T>
class Winograd : public ::testing::Test {
 public:
  static constexpr double kError = std::is_same_v<T, float> ? 2e-5 : 1e-13;

  // action(taps, maps)
  template <class Action>
  static void for_each_filter(Action action) {
    testing::for_each_simd_target([&] {
      for (const std::int64_t taps : {2, 3}) {
        SCOPED_TRACE(taps);
        action(taps, winograd_maps<T>(taps));
      }
    });
  }
};

using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Winograd, Scalars);

TYPED_TEST(Winograd, IsTheCorrelationOfATileWithAKernel) {
  using T = TypeParam;
  this->for_each_filter([&](std::int64_t taps, const WinogradMaps<T>& maps) {
    constexpr std::int64_t kTiles = 3;
    const std::int64_t side = taps + 1;
    const auto sources = grids<T>(side, kTiles, 1), kernel = grids<T>(taps, kTiles, 2);
    auto points = mapped(maps.sources, sources, side, side);
    const auto weights = mapped(maps.weights, kernel, taps, side);
    for (std::size_t i = 0; i < points.size(); ++i) points[i] *= weights[i];
    const auto targets = mapped(maps.targets, points, side, 2);
    for (std::int64_t i = 0; i < kTiles * 4 * kRoom; ++i) {
      const std::int64_t channel = i % kRoom, column = i / kRoom % 2, row = i / kRoom / 2 % 2;
      const std::int64_t tile = i / (4 * kRoom);
      if (channel >= kChannels) continue;
      double expected = 0;
      for (std::int64_t a = 0; a < taps; ++a) {
        for (std::int64_t b = 0; b < taps; ++b) {
          const std::int64_t from = (tile * side + row + a) * side + column + b;
          const std::int64_t tap = (tile * taps + a) * taps + b;
          expected +=
              static_cast<double>(sources[static_cast<std::size_t>(from * kRoom + channel)]) *
              kernel[static_cast<std::size_t>(tap * kRoom + channel)];
        }
      }
      ASSERT_NEAR(targets[static_cast<std::size_t>(i)], expected, this->kError) << "element " << i;
    }
  });
}

// <M x, y> = <x, Mt y> for all x and y says that Mt is the transpose of M.
TYPED_TEST(Winograd, GradientsTakeTheTransposedMaps) {
  using T = TypeParam;
  this->for_each_filter([&](std::int64_t taps, const WinogradMaps<T>& maps) {
    const std::int64_t side = taps + 1;
    const auto points = grids<T>(side, 5, 1), targets = grids<T>(2, 5, 2),
               kernel = grids<T>(taps, 5, 3);
    EXPECT_NEAR(inner_product(mapped(maps.targets, points, side, 2), targets),
                inner_product(points, mapped(maps.target_gradients, targets, 2, side)),
                100 * this->kError);
    EXPECT_NEAR(inner_product(mapped(maps.weights, kernel, taps, side), points),
                inner_product(kernel, mapped(maps.weight_gradients, points, side, taps)),
                100 * this->kError);
  });
}

}  // namespace
}  // namespace miniray
