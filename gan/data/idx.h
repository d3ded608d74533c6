// IDX files (LeCun, "The MNIST database"): arrays of unsigned bytes, as they are or gzipped.
//
//   bytes 0, 1   zero
//   byte 2       type of the values; 8: unsigned bytes, the only one read here
//   byte 3       number of extents, 1 to 4
//   then         the extents, big-endian 32-bit, outermost first
//   then         the values, row-major; nothing follows
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/shape.h"

namespace miniray {

struct IdxArray {
  Shape shape;
  std::span<const std::uint8_t> values;  // of the bytes that were parsed
};

// `name` is for messages. Throws corrupt, naming it and what is wrong.
IdxArray parse_idx(std::span<const std::uint8_t> bytes, const std::string& name);

// A gzip file's contents (RFC 1952), of one member, as the tools write it. Throws corrupt where it
// is damaged or cut off, or would be larger than max_bytes.
std::vector<std::uint8_t> inflate_gzip(std::span<const std::uint8_t> bytes, std::int64_t max_bytes,
                                       const std::string& name);

// An IDX file's array in memory.
class IdxFile {
 public:
  // Reads `path` or, where there is none, path + ".gz". Throws not found, io or corrupt, naming the
  // file.
  explicit IdxFile(const std::filesystem::path& path);
  IdxFile(const IdxFile&) = delete;
  IdxFile& operator=(const IdxFile&) = delete;

  const Shape& shape() const { return array_.shape; }
  std::span<const std::uint8_t> values() const { return array_.values; }
  const std::filesystem::path& path() const { return path_; }  // of the file that was read

 private:
  std::filesystem::path path_;
  std::vector<std::uint8_t> bytes_;
  IdxArray array_;
};

}  // namespace miniray
