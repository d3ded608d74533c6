#include "engine/shape.h"

#include <charconv>
#include <limits>

#include "engine/error.h"

namespace miniray {

Shape::Shape(std::initializer_list<std::int64_t> extents) {
  for (std::int64_t extent : extents) append(extent);
}

Shape Shape::parse(std::string_view text) {
  Shape shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int64_t extent = 0;
    const auto [next, failure] = std::from_chars(at, end, extent);
    if (failure != std::errc() || (next != end && *next != 'x')) {
      throw invalid_argument("'" + std::string(text) + "' is not a shape such as 3x32x32");
    }
    shape.append(extent);
    if (next == end) return shape;
    at = next + 1;
  }
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= extents_[static_cast<std::size_t>(axis)];
  return product;
}

void Shape::append(std::int64_t extent) {
  if (rank_ == kMaxRank) throw invalid_argument("a shape has at most 4 extents");
  if (extent < 1) {
    throw invalid_argument("an extent of a shape must be at least 1, not " +
                           std::to_string(extent));
  }
  if (extent > std::numeric_limits<std::int64_t>::max() / elements()) {
    throw invalid_argument("a shape has too many elements to count");
  }
  extents_[static_cast<std::size_t>(rank_++)] = extent;
}

std::string Shape::to_string() const {
  std::string text;
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += 'x';
    text += std::to_string(extents_[static_cast<std::size_t>(axis)]);
  }
  return text;
}

}  // namespace miniray
