// For some vectors the nearest of many others, streamed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/parallel.h"

namespace miniray {

class NearestSearch {
 public:
  // queries [n, width]. `threads` must outlive this.
  NearestSearch(const ThreadBudget& threads, std::int64_t width, std::vector<float> queries);

  // The next others, [any, width].
  void add(std::span<const float> vectors);
  // For each query the number of the nearest vector that was added, the first of equals; -1: none.
  const std::vector<std::int64_t>& indices() const { return indices_; }

 private:
  const ThreadBudget& threads_;
  const std::int64_t width_;
  const std::vector<float> queries_;
  std::int64_t added_ = 0;
  std::vector<std::int64_t> indices_;
  std::vector<double> distances_;  // squared
};

}  // namespace miniray
