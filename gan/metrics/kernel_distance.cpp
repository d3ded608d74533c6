#include "gan/metrics/kernel_distance.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/error.h"
#include "engine/kernels/gemm.h"
#include "engine/span.h"

namespace miniray {
namespace {

// Rows first, first + step .. as doubles.
std::vector<double> strided_rows(std::span<const float> values, std::int64_t features,
                                 std::int64_t first, std::int64_t step, std::int64_t rows) {
  std::vector<double> block;
  block.reserve(static_cast<std::size_t>(rows * features));
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto row = part(values, (first + i * step) * features, features);
    block.insert(block.end(), row.begin(), row.end());
  }
  return block;
}

// The sum of k over all pairs of rows; of a block with itself, over those of different rows.
double kernel_sum(const ThreadBudget& threads, std::int64_t features, std::int64_t rows,
                  const std::vector<double>& a, const std::vector<double>& b) {
  const bool itself = &a == &b;
  std::vector<double> products(static_cast<std::size_t>(rows * rows)),
      sums(static_cast<std::size_t>(rows));
  gemm_nt<double>(threads, {rows, rows, features}, a, b, {}, products);
  threads.for_each_tile(rows, [&](std::int64_t i) {
    double sum = 0;
    for (std::int64_t j = 0; j < rows; ++j) {
      if (itself && i == j) continue;
      const double root =
          products[static_cast<std::size_t>(i * rows + j)] / static_cast<double>(features) + 1;
      sum += root * root * root;
    }
    sums[static_cast<std::size_t>(i)] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

Score kernel_distance(const ThreadBudget& threads, std::int64_t features, std::span<const float> a,
                      std::span<const float> b) {
  const std::int64_t count = static_cast<std::int64_t>(std::min(a.size(), b.size())) / features;
  if (count < 2) throw invalid_argument("KID needs at least 2 pictures of both kinds");
  const std::int64_t blocks = std::max<std::int64_t>(1, count / kKernelBlock);
  const std::int64_t rows = std::min(count, kKernelBlock);
  const auto pairs = static_cast<double>(rows * rows),
             others = static_cast<double>(rows * (rows - 1));
  double sum = 0, squares = 0;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const auto x = strided_rows(a, features, block, blocks, rows);
    const auto y = strided_rows(b, features, block, blocks, rows);
    const double distance = kernel_sum(threads, features, rows, x, x) / others +
                            kernel_sum(threads, features, rows, y, y) / others -
                            2 * kernel_sum(threads, features, rows, x, y) / pairs;
    sum += distance;
    squares += distance * distance;
  }
  const double mean = sum / static_cast<double>(blocks);
  return {mean, std::sqrt(std::max(0.0, squares / static_cast<double>(blocks) - mean * mean))};
}

}  // namespace miniray
