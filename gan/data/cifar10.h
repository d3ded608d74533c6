// CIFAR-10 in its official binary layout (Krizhevsky, 2009).
//
//   data_batch_1.bin .. data_batch_5.bin (training), test_batch.bin: 10,000 records of 3,073 bytes
//   byte 0           label, 0 to 9
//   bytes 1..3072    the picture, 3 x 32 x 32: red, green, blue
#pragma once

#include "gan/data/cifar_records.h"
#include "gan/data/dataset.h"

namespace miniray {

class Cifar10 final : public Dataset {
 public:
  using Split = miniray::Split;

  // data_dir: the folder of the files, or the one that holds their cifar-10-batches-bin. Files'
  // sizes and all labels are checked. Throws not found or corrupt, naming the file.
  Cifar10(const std::filesystem::path& data_dir, Split split);

  std::string name() const override { return "cifar10"; }
  std::int64_t size() const override { return records_.size(); }
  Shape sample_shape() const override { return {3, 32, 32}; }
  const std::vector<std::string>& class_names() const override;
  int label(std::int64_t index) const override { return records_.label(index, 0); }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    records_.copy_picture(index, chw);
  }

 private:
  CifarRecords records_;
};

}  // namespace miniray
