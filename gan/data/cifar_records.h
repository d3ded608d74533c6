// Files of CIFAR's records: some bytes of labels, then a picture of 3 x 32 x 32.
//
// They are read into memory of our own, of huge pages, not mapped: a batch takes 128 pictures from
// anywhere, and on a virtual machine the first look at each small page can cost more than its
// pictures' arithmetic (0.9 ms of a step of 51).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace miniray {

struct CifarFormat {
  std::string title;               // for messages
  std::int64_t records;            // of a file
  std::vector<int> label_classes;  // of each label byte: values 0 to below this
};

class CifarRecords {
 public:
  explicit CifarRecords(CifarFormat format) : format_(std::move(format)) {}

  // The records of one more file. Its size and all labels are checked. Throws not found, io or
  // corrupt, naming the file.
  void add_file(const std::filesystem::path& path);

  std::int64_t size() const { return static_cast<std::int64_t>(files_.size()) * format_.records; }
  // Label byte `which` of a record.
  int label(std::int64_t index, std::int64_t which) const;
  void copy_picture(std::int64_t index, std::span<std::uint8_t> chw) const;

 private:
  static constexpr std::int64_t kPictureBytes = 3 * 32 * 32;

  std::int64_t label_bytes() const {
    return static_cast<std::int64_t>(format_.label_classes.size());
  }
  std::int64_t record_bytes() const { return label_bytes() + kPictureBytes; }
  std::span<const std::uint8_t> record(std::int64_t index) const;
  void check_labels(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) const;

  CifarFormat format_;
  std::vector<Tensor<std::uint8_t>> files_;
};

}  // namespace miniray
