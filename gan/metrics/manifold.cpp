#include "gan/metrics/manifold.h"

#include <algorithm>
#include <functional>
#include <string>

#include "engine/error.h"
#include "engine/kernels/gemm.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kRows = 500, kColumns = 1'000;  // of a block of distances
constexpr std::int64_t kColumnsPerTile = 128;

std::vector<double> to_double(std::span<const float> values) {
  return {values.begin(), values.end()};
}

std::vector<double> squared_norms(std::span<const double> rows, std::int64_t features) {
  std::vector<double> norms(rows.size() / static_cast<std::size_t>(features));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    norms[i / static_cast<std::size_t>(features)] += rows[i] * rows[i];
  }
  return norms;
}

// Squared distances of rows [first, first + rows) of a set to all `columns` of another.
struct DistanceBlock {
  std::int64_t first, rows, columns;
  std::span<double> values;  // [rows, columns]

  std::span<double> row(std::int64_t i) const { return part(values, i * columns, columns); }
};

// distances[i, first + j] = |a_i - b_j|^2 for one block of b.
void fill_distances(const ThreadBudget& threads, std::int64_t features, std::span<const double> a,
                    std::span<const float> b_block, std::int64_t first, const DistanceBlock& to) {
  const auto b = to_double(b_block);
  const auto a_norms = squared_norms(a, features), b_norms = squared_norms(b, features);
  const auto columns = static_cast<std::int64_t>(b_norms.size());
  std::vector<double> products(static_cast<std::size_t>(to.rows * columns));
  gemm_nt<double>(threads, {to.rows, columns, features}, a, b, {}, products);
  threads.for_each_tile(to.rows, [&](std::int64_t i) {
    const auto row = part(to.row(i), first, columns);
    const auto product = part(std::span<const double>(products), i * columns, columns);
    for (std::size_t j = 0; j < row.size(); ++j) {
      const double squared = a_norms[static_cast<std::size_t>(i)] + b_norms[j] - 2 * product[j];
      row[j] = std::max(squared, 0.0);
    }
  });
}

// Calls body with the distances of some rows of a to all of b, block by block.
void for_each_block(const ThreadBudget& threads, std::int64_t features, std::span<const float> a,
                    std::span<const float> b,
                    const std::function<void(const DistanceBlock&)>& body) {
  const std::int64_t a_rows = static_cast<std::int64_t>(a.size()) / features;
  const std::int64_t b_rows = static_cast<std::int64_t>(b.size()) / features;
  std::vector<double> distances(static_cast<std::size_t>(std::min(kRows, a_rows) * b_rows));
  for (std::int64_t first = 0; first < a_rows; first += kRows) {
    const std::int64_t rows = std::min(kRows, a_rows - first);
    const auto block = to_double(part(a, first * features, rows * features));
    const DistanceBlock to{first, rows, b_rows, part(std::span(distances), 0, rows * b_rows)};
    for (std::int64_t column = 0; column < b_rows; column += kColumns) {
      const std::int64_t columns = std::min(kColumns, b_rows - column);
      fill_distances(threads, features, block, part(b, column * features, columns * features),
                     column, to);
    }
    body(to);
  }
}

// Squared: of each row to its k-th nearest other one.
std::vector<double> radii(const ThreadBudget& threads, std::int64_t features,
                          std::span<const float> rows) {
  std::vector<double> result(rows.size() / static_cast<std::size_t>(features));
  for_each_block(threads, features, rows, rows, [&](const DistanceBlock& block) {
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
  for_each_block(threads, features, real, fake, [&](const DistanceBlock& block) {
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

std::vector<std::int64_t> nearest_rows(const ThreadBudget& threads, std::int64_t features,
                                       std::span<const float> a, std::span<const float> b) {
  std::vector<std::int64_t> nearest(a.size() / static_cast<std::size_t>(features));
  for_each_block(threads, features, a, b, [&](const DistanceBlock& block) {
    threads.for_each_tile(block.rows, [&](std::int64_t i) {
      const auto row = block.row(i);
      nearest[static_cast<std::size_t>(block.first + i)] =
          std::ranges::min_element(row) - row.begin();
    });
  });
  return nearest;
}

}  // namespace miniray
