#include "gan/metrics/nearest.h"

#include <algorithm>
#include <limits>

#include "gan/metrics/distances.h"

namespace miniray {

NearestSearch::NearestSearch(const ThreadBudget& threads, std::int64_t width,
                             std::vector<float> queries)
    : threads_(threads),
      width_(width),
      queries_(std::move(queries)),
      indices_(queries_.size() / static_cast<std::size_t>(width), -1),
      distances_(indices_.size(), std::numeric_limits<double>::infinity()) {}

void NearestSearch::add(std::span<const float> vectors) {
  if (vectors.empty()) return;
  for_each_distance_block(threads_, width_, queries_, vectors, [&](const DistanceBlock& block) {
    threads_.for_each_tile(block.rows, [&](std::int64_t i) {
      const auto row = block.row(i);
      const auto nearest = std::ranges::min_element(row);
      const auto query = static_cast<std::size_t>(block.first + i);
      if (*nearest >= distances_[query]) return;
      distances_[query] = *nearest;
      indices_[query] = added_ + (nearest - row.begin());
    });
  });
  added_ += static_cast<std::int64_t>(vectors.size()) / width_;
}

}  // namespace miniray
