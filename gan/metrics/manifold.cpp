#include "gan/metrics/manifold.h"

#include <algorithm>
#include <string>

#include "engine/error.h"
#include "engine/span.h"
#include "gan/metrics/distances.h"

namespace miniray {
namespace {

constexpr std::int64_t kColumnsPerTile = 128;

// Squared: of each row to its k-th nearest other one.
std::vector<double> radii(const ThreadBudget& threads, std::int64_t features,
                          std::span<const float> rows) {
  std::vector<double> result(rows.size() / static_cast<std::size_t>(features));
  for_each_distance_block(threads, features, rows, rows, [&](const DistanceBlock& block) {
    threads.for_each_tile(block.rows, [&](std::int64_t i) {
      const auto row = block.row(i);
      row[static_cast<std::size_t>(block.first + i)] = -1;  // itself comes first
      std::ranges::nth_element(row, row.begin() + kNeighbours);
      result[static_cast<std::size_t>(block.first + i)] = row[kNeighbours];
    });
  });
  return result;
}

std::int64_t check_count(std::span<const float> rows, std::int64_t features) {
  const std::int64_t count = static_cast<std::int64_t>(rows.size()) / features;
  if (count > kNeighbours) return count;
  throw invalid_argument("precision, recall, density and coverage need at least " +
                         std::to_string(kNeighbours + 1) + " pictures of both kinds, not " +
                         std::to_string(count));
}

}  // namespace

ManifoldScores manifold_scores(const ThreadBudget& threads, std::int64_t features,
                               std::span<const float> real, std::span<const float> fake) {
  const std::int64_t reals = check_count(real, features), fakes = check_count(fake, features);
  const auto real_radii = radii(threads, features, real);
  const auto fake_radii = radii(threads, features, fake);
  std::vector<std::int64_t> balls(static_cast<std::size_t>(fakes));  // of reals, around each fake
  std::vector<std::uint8_t> recalled(static_cast<std::size_t>(reals)), covered(recalled.size());
  for_each_distance_block(threads, features, real, fake, [&](const DistanceBlock& block) {
    threads.for_each_tile(block.rows, [&](std::int64_t i) {
      const auto row = block.row(i);
      const auto index = static_cast<std::size_t>(block.first + i);
      covered[index] = std::ranges::min(row) < real_radii[index];
      for (std::size_t j = 0; j < row.size(); ++j) recalled[index] |= row[j] < fake_radii[j];
    });
    for_each_range(threads, fakes, kColumnsPerTile, [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t i = 0; i < block.rows; ++i) {
        const double radius = real_radii[static_cast<std::size_t>(block.first + i)];
        const auto row = block.row(i);
        for (auto j = static_cast<std::size_t>(first); j < static_cast<std::size_t>(first + count);
             ++j) {
          balls[j] += row[j] < radius ? 1 : 0;
        }
      }
    });
  });
  const auto share = [](std::int64_t count, std::int64_t of) {
    return static_cast<double>(count) / static_cast<double>(of);
  };
  std::int64_t inside = 0;
  for (const std::int64_t count : balls) inside += count;
  return {.precision = share(std::ranges::count_if(balls, [](auto n) { return n > 0; }), fakes),
          .recall = share(std::ranges::count(recalled, 1), reals),
          .density = share(inside, kNeighbours * fakes),
          .coverage = share(std::ranges::count(covered, 1), reals)};
}

}  // namespace miniray
