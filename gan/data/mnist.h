// MNIST and what has its format, Fashion-MNIST (arXiv 1708.07747): grey pictures of 28 x 28 in IDX
// files, gzipped or not.
//
//   train-images-idx3-ubyte [N, 28, 28]   train-labels-idx1-ubyte [N]: 0 to 9
//   t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte: the same, for testing
#pragma once

#include "gan/data/dataset.h"
#include "gan/data/idx.h"

namespace miniray {

class Mnist final : public Dataset {
 public:
  static constexpr std::int64_t kSide = 28;  // pixels of the pictures as they are

  enum class Kind { kDigits, kFashion };

  // Looks for the files in data_dir/mnist, data_dir/MNIST/raw (of Fashion-MNIST
  // data_dir/fashion-mnist, data_dir/FashionMNIST/raw), data_dir itself, and then where Debian's
  // packages put them, /usr/share/datasets/. Pictures are padded with black on all sides to
  // image_size pixels a side, at least kSide. Throws not found, io or corrupt, naming the file.
  Mnist(Kind kind, const std::filesystem::path& data_dir, Split split, std::int64_t image_size);

  std::string name() const override;
  std::int64_t size() const override { return images_.shape()[0]; }
  Shape sample_shape() const override { return {1, image_size_, image_size_}; }
  const std::vector<std::string>& class_names() const override;
  int label(std::int64_t index) const override {
    return labels_.values()[static_cast<std::size_t>(index)];
  }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override;

 private:
  Kind kind_;
  std::int64_t image_size_;
  IdxFile images_, labels_;
};

}  // namespace miniray
