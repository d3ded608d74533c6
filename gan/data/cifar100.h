// CIFAR-100 in its official binary layout (Krizhevsky, 2009).
//
//   train.bin, 50,000 records, and test.bin, 10,000, of 3,074 bytes
//   byte 0           the group of classes ("coarse label"), 0 to 19; not used
//   byte 1           the class ("fine label"), 0 to 99
//   bytes 2..3073    the picture, 3 x 32 x 32: red, green, blue
//   fine_label_names.txt: the classes' names, one a line
#pragma once

#include "gan/data/cifar_records.h"
#include "gan/data/dataset.h"

namespace miniray {

class Cifar100 final : public Dataset {
 public:
  // data_dir: the folder of the files, or the one that holds their cifar-100-binary. Files' sizes
  // and all labels are checked. Throws not found or corrupt, naming the file.
  Cifar100(const std::filesystem::path& data_dir, Split split);

  std::string name() const override { return "cifar100"; }
  std::int64_t size() const override { return records_.size(); }
  Shape sample_shape() const override { return {3, 32, 32}; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int label(std::int64_t index) const override { return records_.label(index, 1); }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    records_.copy_picture(index, chw);
  }

 private:
  CifarRecords records_;
  std::vector<std::string> names_;
};

}  // namespace miniray
