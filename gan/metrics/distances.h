// Distances between the vectors of two sets, by blocked products: the memory is that of a block.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "engine/parallel.h"
#include "engine/span.h"

namespace miniray {

// Squared distances of rows [first, first + rows) of a set to all `columns` of another.
struct DistanceBlock {
  std::int64_t first, rows, columns;
  std::span<double> values;  // [rows, columns]

  std::span<double> row(std::int64_t i) const { return part(values, i * columns, columns); }
};

// Calls body, on the calling thread, with the distances of some rows of a [n, features] to all of b
// [m, features], block by block of a's rows in order. Taken in double, by |a|^2 + |b|^2 - 2 a . b;
// none is below zero. The body may change the values.
void for_each_distance_block(const ThreadBudget& threads, std::int64_t features,
                             std::span<const float> a, std::span<const float> b,
                             const std::function<void(const DistanceBlock&)>& body);

}  // namespace miniray
