#include "engine/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <vector>

#include "support/expect_error.h"

namespace miniray {
namespace {

TEST(ThreadBudget, EveryTileIsDoneOnce) {
  for (const int thread_count : {1, 2, 5}) {
    const ThreadBudget threads(thread_count);
    for (const std::int64_t tiles : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(tiles));
      threads.for_each_tile(tiles, [&](std::int64_t i) { ++done[static_cast<std::size_t>(i)]; });
      for (const auto& count : done) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadBudget, RangesCoverTheWholeOnce) {
  const ThreadBudget threads(2);
  for (const std::int64_t count : {0, 1, 63, 64, 65, 1000}) {
    std::vector<std::atomic<int>> done(static_cast<std::size_t>(count));
    for_each_range(threads, count, 64, [&](std::int64_t begin, std::int64_t size) {
      for (std::int64_t i = begin; i < begin + size; ++i) ++done[static_cast<std::size_t>(i)];
    });
    for (const auto& times : done) EXPECT_EQ(times, 1);
  }
}

TEST(ThreadBudget, AnExceptionOfATileReachesTheCaller) {
  for (const int thread_count : {1, 2}) {
    const ThreadBudget threads(thread_count);
    const auto fail = [](std::int64_t tile) {
      if (tile == 3) throw std::runtime_error("tile 3");
    };
    EXPECT_THROW(threads.for_each_tile(10, fail), std::runtime_error);
    int done = 0;
    threads.for_each_tile(1, [&](std::int64_t) { ++done; });  // still of use
    EXPECT_EQ(done, 1);
  }
}

TEST(ThreadBudget, TilesFlushDenormalsAndTheCallerKeepsThem) {
  volatile float tiny = std::numeric_limits<float>::min();
  for (const int thread_count : {1, 2}) {
    const ThreadBudget threads(thread_count);
    std::atomic<int> flushed{0};
    threads.for_each_tile(64, [&](std::int64_t) { flushed += tiny / 2 == 0 ? 1 : 0; });
    EXPECT_EQ(flushed, 64);
    EXPECT_NE(tiny / 2, 0);
  }
}

TEST(ThreadBudget, RefusesFewerThanOneThread) {
  testing::expect_error(ErrorKind::kInvalidArgument, "0", [] { ThreadBudget threads(0); });
}

}  // namespace
}  // namespace miniray
