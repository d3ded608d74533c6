#include "tools/dashboard/series.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/dashboard/sparkline.h"

namespace miniray::dashboard {
namespace {

constexpr std::int64_t kEnd = std::int64_t{1} << 53;
constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

// One smooth column, and one that is flat but for spikes.
Series spiky(std::int64_t rows, std::size_t max_rows, const std::vector<std::int64_t>& spikes) {
  Series series(2, max_rows);
  for (std::int64_t step = 0; step < rows; ++step) {
    const float spike = std::ranges::count(spikes, step) > 0 ? 100.0F : 1.0F;
    series.append(step, step * 10, std::vector{std::sin(static_cast<float>(step) / 500), spike});
  }
  return series;
}

std::vector<std::int64_t> steps_above(const Series& series, const std::vector<std::size_t>& rows,
                                      float level) {
  std::vector<std::int64_t> steps;
  for (const std::size_t row : rows) {
    if (series.value(row, 1) > level) steps.push_back(series.step(row));
  }
  return steps;
}

TEST(Series, AllRowsWhereTheyAreFew) {
  const Series series = spiky(100, 1000, {});
  const auto rows = series.select(100, 0, kEnd);
  ASSERT_EQ(rows.size(), 100U);
  EXPECT_EQ(series.time_ms(rows[7]), 70);
}

TEST(Series, ThinningKeepsSpikesAndOrder) {
  const std::vector<std::int64_t> spikes{0, 7'777, 12'345, 99'999};
  const Series series = spiky(100'000, 200'000, spikes);
  const auto rows = series.select(200, 0, kEnd);
  EXPECT_LE(rows.size(), 200U);
  EXPECT_GE(rows.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(rows));
  EXPECT_EQ(steps_above(series, rows, 50), spikes);
}

TEST(Series, ZoomShowsTheRangeAlone) {
  const Series series = spiky(100'000, 200'000, {});
  const auto rows = series.select(1000, 5'000, 5'099);
  ASSERT_EQ(rows.size(), 100U);
  EXPECT_EQ(series.step(rows.front()), 5'000);
  EXPECT_EQ(series.step(rows.back()), 5'099);
  EXPECT_TRUE(series.select(10, 200'000, kEnd).empty());
  EXPECT_TRUE(series.select(10, 300, 200).empty());
}

TEST(Series, MemoryIsBoundedAndSpikesStay) {
  const std::vector<std::int64_t> spikes{3, 50'000, 299'000};
  const Series series = spiky(300'000, 1'000, spikes);
  EXPECT_LE(series.rows(), 1'000U);
  EXPECT_EQ(steps_above(series, series.select(1'000, 0, kEnd), 50), spikes);
}

// However often it was thinned, the beginning is as dense as the rest.
TEST(Series, OldAndNewAreEquallyDense) {
  const Series series = spiky(300'000, 1'000, {});
  const auto first_half = series.select(1'000, 0, 149'999).size();
  const auto second_half = series.select(1'000, 150'000, kEnd).size();
  EXPECT_GT(first_half, 80U);
  EXPECT_LT(second_half, 3 * first_half + 500) << "the newest rows may not be thinned yet";
}

// The mutation of a thinning that takes every n-th row would fail here.
TEST(Series, LowestValuesStayToo) {
  Series series(1, 100'000);
  for (int step = 0; step < 50'000; ++step) {
    series.append(step, 0, std::vector{step == 31'415 ? -7.0F : 1.0F});
  }
  const auto rows = series.select(100, 0, kEnd);
  const bool found = std::ranges::any_of(rows, [&](auto row) { return series.value(row, 0) < 0; });
  EXPECT_TRUE(found);
}

TEST(Series, MissingValuesAreNoExtremes) {
  Series series(2, 1'000);
  for (int step = 0; step < 500; ++step) {
    series.append(step, 0, std::vector{step == 250 ? 5.0F : kNone, kNone});
  }
  const auto rows = series.select(10, 0, kEnd);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(series.step(rows[0]), 250);
}

TEST(Series, StepsMadeAgainReplaceTheOldOnes) {
  Series series(1, 100);
  for (const float step : {1, 2, 3, 4}) {
    EXPECT_TRUE(series.append(static_cast<int>(step), 0, std::vector{step}));
  }
  EXPECT_FALSE(series.append(3, 9, std::vector{30.0F}));
  ASSERT_EQ(series.rows(), 3U);
  EXPECT_EQ(series.value(2, 0), 30);
  EXPECT_EQ(series.value(1, 0), 2);
}

TEST(Sparkline, MeansOfEqualStretches) {
  Sparkline line;
  for (int i = 0; i < 100'000; ++i) line.add(static_cast<float>(i));
  const auto& points = line.points();
  ASSERT_GE(points.size(), 30U);
  ASSERT_LE(points.size(), 60U);
  const float stretch = points[1] - points[0];
  EXPECT_FLOAT_EQ(points[0], (stretch - 1) / 2);
  for (std::size_t i = 1; i < points.size(); ++i) EXPECT_EQ(points[i] - points[i - 1], stretch);
}

}  // namespace
}  // namespace miniray::dashboard
