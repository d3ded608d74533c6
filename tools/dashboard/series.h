// Curves over steps, kept in bounded memory without losing their spikes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace miniray::dashboard {

// Rows of numbers that belong to one step. Where there are too many, every stretch of steps
// keeps the rows that hold a column's smallest or largest value in it. Not safe for threads by
// itself.
class Series {
 public:
  // max_rows: at least 4 rows for each column.
  Series(std::size_t columns, std::size_t max_rows) : columns_(columns), max_rows_(max_rows) {}

  // One value a column; NaN where there is none. Rows of this step and later ones are dropped: a
  // run that was resumed makes them again. False where rows were dropped or thinned.
  bool append(std::int64_t step, std::int64_t time_ms, std::span<const float> values);

  std::size_t rows() const { return steps_.size(); }
  std::size_t columns() const { return columns_; }
  std::int64_t step(std::size_t row) const { return steps_[row]; }
  std::int64_t time_ms(std::size_t row) const { return times_[row]; }
  float value(std::size_t row, std::size_t column) const {
    return values_[row * columns_ + column];
  }

  // At most `points` rows (but at least one stretch's) with steps from `from` to `to`, in order.
  std::vector<std::size_t> select(std::size_t points, std::int64_t from, std::int64_t to) const;
  // Keeps at most half of the rows.
  void halve();

 private:
  // The rows of [begin, end) that stand for each of so many stretches, equal in steps: what was
  // thinned before keeps its part beside what is new.
  std::vector<std::size_t> extremes(std::size_t begin, std::size_t end,
                                    std::size_t stretches) const;
  void add_extremes(std::size_t begin, std::size_t end, std::vector<std::size_t>& found) const;

  std::size_t columns_, max_rows_;
  std::vector<std::int64_t> steps_, times_;
  std::vector<float> values_;  // [rows, columns]
};

}  // namespace miniray::dashboard
