#include "gan/metrics/distances.h"

#include <algorithm>
#include <vector>

#include "engine/kernels/gemm.h"

namespace miniray {
namespace {

constexpr std::int64_t kRows = 500, kColumns = 1'000;  // of a block of distances
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

}  // namespace

void for_each_distance_block(const ThreadBudget& threads, std::int64_t features,
                             std::span<const float> a, std::span<const float> b,
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

}  // namespace miniray
