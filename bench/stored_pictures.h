// A data set of made-up bytes in memory, as fast to read as CIFAR-10's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "gan/data/dataset.h"

namespace miniray::bench {

class StoredPictures final : public Dataset {
 public:
  StoredPictures(const Shape& shape, std::int64_t size)
      : shape_(shape), size_(size), bytes_(static_cast<std::size_t>(size * shape.elements())) {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      bytes_.data()[i] = static_cast<std::byte>(i * 2'654'435'761U >> 16);
    }
  }
  std::string name() const override { return "stored"; }
  std::int64_t size() const override { return size_; }
  Shape sample_shape() const override { return shape_; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int label(std::int64_t) const override { return 0; }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    const auto* pixels = reinterpret_cast<const std::uint8_t*>(bytes_.data());
    std::copy_n(pixels + index * shape_.elements(), shape_.elements(), chw.begin());
  }

 private:
  Shape shape_;
  std::int64_t size_;
  AlignedBytes bytes_;
  std::vector<std::string> names_{"all"};
};

}  // namespace miniray::bench
