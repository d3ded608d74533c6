#include "gan/data/cifar_records.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/file.h"
#include "engine/span.h"

namespace miniray {

void CifarRecords::add_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  const std::int64_t expected = format_.records * record_bytes();
  if (static_cast<std::int64_t>(bytes.size()) != expected) {
    throw corrupt("'" + path.string() + "' has " + std::to_string(bytes.size()) + " bytes; " +
                  format_.title + "'s binary files have " + std::to_string(expected));
  }
  check_labels(path, bytes);
  files_.emplace_back(Shape{expected});
  std::ranges::copy(bytes, files_.back().data());
}

void CifarRecords::check_labels(const std::filesystem::path& path,
                                std::span<const std::uint8_t> bytes) const {
  for (std::int64_t i = 0; i < format_.records; ++i) {
    const auto labels = part(bytes, i * record_bytes(), label_bytes());
    for (std::size_t which = 0; which < labels.size(); ++which) {
      const int classes = format_.label_classes[which];
      if (labels[which] < classes) continue;
      throw corrupt("'" + path.string() + "' gives record " + std::to_string(i) + " the label " +
                    std::to_string(labels[which]) + "; " + format_.title + " has the labels 0 to " +
                    std::to_string(classes - 1));
    }
  }
}

int CifarRecords::label(std::int64_t index, std::int64_t which) const {
  return record(index)[static_cast<std::size_t>(which)];
}

void CifarRecords::copy_picture(std::int64_t index, std::span<std::uint8_t> chw) const {
  std::ranges::copy(part(record(index), label_bytes(), kPictureBytes), chw.begin());
}

std::span<const std::uint8_t> CifarRecords::record(std::int64_t index) const {
  const auto& file = files_[static_cast<std::size_t>(index / format_.records)];
  return part(file.span(), index % format_.records * record_bytes(), record_bytes());
}

}  // namespace miniray
