// The extents of a dense row-major array, up to four of them, outermost first (N C H W).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace miniray {

class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;  // a scalar: rank 0, one element
  // Throws invalid argument where an extent is below 1 or there are more than kMaxRank.
  Shape(std::initializer_list<std::int64_t> extents);

  // Reads "3x32x32", the form that to_string writes. Throws invalid argument otherwise.
  static Shape parse(std::string_view text);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_.at(static_cast<std::size_t>(axis)); }
  std::int64_t elements() const;
  void append(std::int64_t extent);
  std::string to_string() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace miniray
