// A GAN small enough for tests: 3x4x4 pictures.
#pragma once

#include <stdexcept>

#include "gan/data/dataset.h"
#include "gan/models.h"
#include "gan/replica.h"

namespace miniray::testing {

inline GanSpec small_spec(double dropout = 0.3) {
  GanSpec spec;
  spec.latent_dim = 8;
  spec.image_shape = {3, 4, 4};
  spec.hidden = {12, 16, 20};
  spec.dropout = dropout;
  return spec;
}

inline GanOptions small_options(double lr = 0.0002) {
  GanOptions options;
  options.model = small_spec();
  options.optimizer.lr = lr;
  return options;
}

// Pictures of 3 x 4 x 4 values, bright ones and dark ones.
class SmallPictures final : public Dataset {
 public:
  explicit SmallPictures(std::int64_t size) : size_(size) {}

  std::string name() const override { return "small"; }
  std::int64_t size() const override { return size_; }
  Shape sample_shape() const override { return {3, 4, 4}; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int label(std::int64_t index) const override { return static_cast<int>(index % 2); }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    for (std::size_t k = 0; k < chw.size(); ++k) {
      chw[k] = static_cast<std::uint8_t>(label(index) * 150 +
                                         (static_cast<std::size_t>(index) * 7 + k * 13) % 100);
    }
  }

 private:
  std::int64_t size_;
  std::vector<std::string> names_{"dark", "bright"};
};

// One of them cannot be read.
class PicturesWithABadOne final : public Dataset {
 public:
  PicturesWithABadOne(std::int64_t size, std::int64_t bad) : pictures_(size), bad_(bad) {}

  std::string name() const override { return pictures_.name(); }
  std::int64_t size() const override { return pictures_.size(); }
  Shape sample_shape() const override { return pictures_.sample_shape(); }
  const std::vector<std::string>& class_names() const override { return pictures_.class_names(); }
  int label(std::int64_t index) const override { return pictures_.label(index); }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    if (index == bad_) throw std::runtime_error("the picture cannot be read");
    pictures_.copy_sample(index, chw);
  }

 private:
  SmallPictures pictures_;
  std::int64_t bad_;
};

}  // namespace miniray::testing
