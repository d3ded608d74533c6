// A data set of made-up bytes in memory, as fast to read as CIFAR-10's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/span.h"
#include "engine/tensor.h"
#include "gan/data/dataset.h"

namespace miniray::bench {

class StoredPictures final : public Dataset {
 public:
  StoredPictures(const Shape& shape, std::int64_t size)
      : shape_(shape), pixels_({size, shape.elements()}) {
    std::uint32_t i = 0;
    for (std::uint8_t& pixel : pixels_.span()) {
      pixel = static_cast<std::uint8_t>(i++ * 2'654'435'761U >> 16);
    }
  }
  std::string name() const override { return "stored"; }
  std::int64_t size() const override { return pixels_.shape()[0]; }
  Shape sample_shape() const override { return shape_; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int label(std::int64_t) const override { return 0; }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    std::ranges::copy(part(pixels_.span(), index * shape_.elements(), shape_.elements()),
                      chw.begin());
  }

 private:
  Shape shape_;
  Tensor<std::uint8_t> pixels_;
  std::vector<std::string> names_{"all"};
};

}  // namespace miniray::bench
