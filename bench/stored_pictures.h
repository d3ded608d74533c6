// A data set of made-up bytes in memory, as fast to read as CIFAR-10's mapped files.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "engine/span.h"
#include "gan/data/dataset.h"

namespace miniray::bench {

class StoredPictures final : public Dataset {
 public:
  StoredPictures(const Shape& shape, std::int64_t size)
      : shape_(shape), size_(size), pixels_(static_cast<std::size_t>(size * shape.elements())) {
    for (std::size_t i = 0; i < pixels_.size(); ++i) {
      pixels_[i] = static_cast<std::uint8_t>(i * 2'654'435'761U >> 16);
    }
  }
  std::string name() const override { return "stored"; }
  std::int64_t size() const override { return size_; }
  Shape sample_shape() const override { return shape_; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int label(std::int64_t) const override { return 0; }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    const auto picture =
        part(std::span<const std::uint8_t>(pixels_), index * shape_.elements(), shape_.elements());
    std::ranges::copy(picture, chw.begin());
  }

 private:
  Shape shape_;
  std::int64_t size_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::string> names_{"all"};
};

}  // namespace miniray::bench
