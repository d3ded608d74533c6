// A run's curves and pictures as TensorBoard reads them.
//
// The file is a sequence of records (TFRecord), numbers little-endian:
//
//   bytes   content
//   8       length of the data
//   4       masked CRC-32C of these 8 bytes
//   length  data: an Event
//   4       masked CRC-32C of the data
//
// where masked(crc) = (crc rotated right by 15) + 0xA282EAD8. An Event is a protobuf message, with
// these fields of tensorflow.Event and of what it holds:
//
//   Event    wall_time (1, double, seconds since 1970), step (2, int64), file_version (3, string),
//            summary (5, Summary)
//   Summary  value (1, repeated Value)
//   Value    tag (1, string), simple_value (2, float) or image (4, Image)
//   Image    height (1, int32), width (2, int32), colorspace (3, int32: channels),
//            encoded_image_string (4, bytes: a PNG)
//
// The first Event has file_version "brain.Event:2", all others a step and a summary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "engine/file.h"
#include "gan/image_io.h"

namespace miniray {

// A number that has a curve of its own, named by the tag.
struct Scalar {
  std::string_view tag;
  double value;
};

// Appends one record a call. Used by one thread at a time. All throw io, naming the path; what was
// written before stays readable, also where the disk was full in the middle of a record.
class EventFile {
 public:
  // Makes the folder, and in it events.out.tfevents.<unix seconds>.<host>.<pid>.
  explicit EventFile(const std::filesystem::path& folder);

  void add_scalars(std::int64_t step, std::span<const Scalar> scalars);
  void add_image(std::int64_t step, std::string_view tag, const Sheet& sheet);

 private:
  void append(std::string_view event);

  AppendFile file_;
};

}  // namespace miniray
