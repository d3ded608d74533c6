// A data set that needs no files: 32x32 colour pictures of ten classes of figure, drawn on demand.
//
// Picture i is a function of (seed, i) alone, in arithmetic that every IEEE machine does alike (no
// library function, no fused multiply-add). The figure's place, size, turn and colour vary, and so
// does its background of two colours.
#pragma once

#include "gan/data/dataset.h"

namespace miniray {

class Shapes final : public Dataset {
 public:
  static constexpr std::int64_t kDefaultSize = 50'000;

  // size: at least 1 picture, below 2^32. Throws invalid argument otherwise.
  explicit Shapes(std::int64_t size, std::uint64_t seed = 0);

  std::string name() const override { return "shapes"; }
  std::int64_t size() const override { return size_; }
  Shape sample_shape() const override { return {3, 32, 32}; }
  const std::vector<std::string>& class_names() const override;
  int label(std::int64_t index) const override;
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override;

 private:
  std::int64_t size_;
  std::uint64_t seed_;
};

}  // namespace miniray
