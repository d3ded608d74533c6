// A file of decoded pictures of one size.
//
//   at 0              N pictures, 3 x S x S bytes each: red, green, blue
//   then the index    N labels, then a CRC-32 for each 1,024 pictures (the last fewer), 32 bits
//   each
//                     the classes' names, then what was skipped: a count, and for each text its
//                     length and its bytes; counts and lengths in 32 bits
//   the last 96       0  64  the digest of the files that it was made of (PictureTree::digest)
//                     64  8  N
//                     72  4  S
//                     76  4  number of classes
//                     80  8  bytes of the index
//                     88  4  CRC-32 of the index and the 88 bytes before this
//                     92  4  "MRP1": the format and its version
//
// All numbers are little-endian. CRC-32 is gzip's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/file.h"
#include "engine/parallel.h"

namespace miniray {

// What stands beside the pictures.
struct PictureIndex {
  std::string digest;
  std::int64_t side = 0;
  std::vector<std::uint32_t> labels{};  // of each picture
  std::vector<std::uint32_t> block_checks{};
  std::vector<std::string> class_names{};
  std::vector<std::string> skipped{};  // the files that are not among the pictures, and why

  static constexpr std::int64_t kBlock = 1'024;  // pictures
  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  std::int64_t picture_bytes() const { return 3 * side * side; }
};

// Reads the index of a whole cache file; everything but the pictures' checksums is checked. Throws
// corrupt, saying what is wrong.
PictureIndex parse_picture_index(std::span<const std::uint8_t> file);

// An open cache: mapped into memory.
class PictureCache {
 public:
  // Checks all. Throws not found, io or corrupt, naming the path.
  PictureCache(const std::filesystem::path& path, const ThreadBudget& threads);

  const PictureIndex& index() const { return index_; }
  std::span<const std::uint8_t> picture(std::int64_t number) const;

 private:
  void check_pictures(const std::filesystem::path& path, const ThreadBudget& threads) const;

  MappedFile file_;
  PictureIndex index_;
};

// Writes a cache, picture by picture; it appears when all is written.
class PictureCacheWriter {
 public:
  // digest, side and class_names of `index` are kept; the rest is filled by the calls. Throws io.
  PictureCacheWriter(const std::filesystem::path& path, PictureIndex index);

  void add(std::uint32_t label, std::span<const std::uint8_t> chw);
  void skip(const std::string& reason) { index_.skipped.push_back(reason); }
  const PictureIndex& index() const { return index_; }
  // Writes the index and syncs. Throws io.
  void commit();

 private:
  void write_buffered(std::span<const std::uint8_t> bytes);
  void flush();

  StagedFile file_;
  PictureIndex index_;
  std::vector<std::uint8_t> buffer_;
  std::uint32_t check_ = 0;  // of the block in hand
};

}  // namespace miniray
