#include "tools/dashboard/series.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace miniray::dashboard {

bool Series::append(std::int64_t step, std::int64_t time_ms, std::span<const float> values) {
  bool kept_all = true;
  while (!steps_.empty() && steps_.back() >= step) {
    steps_.pop_back();
    times_.pop_back();
    values_.resize(values_.size() - columns_);
    kept_all = false;
  }
  if (rows() >= max_rows_) {
    halve();
    kept_all = false;
  }
  steps_.push_back(step);
  times_.push_back(time_ms);
  values_.insert(values_.end(), values.begin(), values.end());
  return kept_all;
}

std::vector<std::size_t> Series::select(std::size_t points, std::int64_t from,
                                        std::int64_t to) const {
  const auto begin = std::ranges::lower_bound(steps_, from) - steps_.begin();
  const auto end = std::max(begin, std::ranges::upper_bound(steps_, to) - steps_.begin());
  const auto count = static_cast<std::size_t>(end - begin);
  if (count <= points) {
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), static_cast<std::size_t>(begin));
    return all;
  }
  const std::size_t stretches = std::max<std::size_t>(1, points / (2 * columns_));
  return extremes(static_cast<std::size_t>(begin), static_cast<std::size_t>(end), stretches);
}

void Series::halve() {
  if (rows() < 4 * columns_) return;
  const std::vector<std::size_t> kept = extremes(0, rows(), rows() / (4 * columns_));
  for (std::size_t to = 0; to < kept.size(); ++to) {
    steps_[to] = steps_[kept[to]];
    times_[to] = times_[kept[to]];
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(kept[to] * columns_), columns_,
                values_.begin() + static_cast<std::ptrdiff_t>(to * columns_));
  }
  steps_.resize(kept.size());
  times_.resize(kept.size());
  values_.resize(kept.size() * columns_);
}

std::vector<std::size_t> Series::extremes(std::size_t begin, std::size_t end,
                                          std::size_t stretches) const {
  const auto first_step = static_cast<double>(steps_[begin]);
  const double span = static_cast<double>(steps_[end - 1]) - first_step + 1;
  const auto stretch_of = [&](std::size_t row) {
    return std::floor((static_cast<double>(steps_[row]) - first_step) / span *
                      static_cast<double>(stretches));
  };
  std::vector<std::size_t> found;
  for (std::size_t first = begin, last = begin; first < end; first = last) {
    while (last < end && stretch_of(last) == stretch_of(first)) ++last;
    add_extremes(first, last, found);
  }
  return found;
}

void Series::add_extremes(std::size_t begin, std::size_t end,
                          std::vector<std::size_t>& found) const {
  const auto place = static_cast<std::ptrdiff_t>(found.size());
  for (std::size_t column = 0; column < columns_; ++column) {
    std::size_t low = end, high = end;  // none yet
    for (std::size_t row = begin; row < end; ++row) {
      const float v = value(row, column);
      if (std::isnan(v)) continue;
      if (low == end || v < value(low, column)) low = row;
      if (high == end || v > value(high, column)) high = row;
    }
    if (low == end) continue;
    found.push_back(low);
    found.push_back(high);
  }
  std::sort(found.begin() + place, found.end());
  found.erase(std::unique(found.begin() + place, found.end()), found.end());
}

}  // namespace miniray::dashboard
