#include "gan/data/idx.h"

#include <libdeflate.h>

#include <memory>

#include "engine/error.h"
#include "engine/file.h"
#include "engine/span.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxBytes = std::int64_t{1} << 31;  // of values; MNIST has 47 million
constexpr std::size_t kMagicBytes = 4, kExtentBytes = 4;
constexpr int kUnsignedBytes = 8;
constexpr std::size_t kGzipTrailer = 8;       // CRC-32 and the contents' size, little-endian
constexpr std::int64_t kMaxInflation = 1032;  // of deflate: 258 bytes of two bits

std::int64_t big_endian(std::span<const std::uint8_t> four) {
  return std::int64_t{four[0]} << 24 | four[1] << 16 | four[2] << 8 | four[3];
}

std::vector<std::uint8_t> read_contents(const fs::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  if (path.extension() == ".gz") return inflate_gzip(bytes, kMaxBytes, path.string());
  return {bytes.begin(), bytes.end()};
}

fs::path plain_or_gzipped(const fs::path& path) {
  const fs::path gzipped = path.string() + ".gz";
  return !fs::exists(path) && fs::exists(gzipped) ? gzipped : path;
}

}  // namespace

IdxArray parse_idx(std::span<const std::uint8_t> bytes, const std::string& name) {
  const auto refuse = [&](const std::string& what) { throw corrupt("'" + name + "' " + what); };
  if (bytes.size() < kMagicBytes || bytes[0] != 0 || bytes[1] != 0) {
    refuse("is no IDX file: it does not begin with two zero bytes, a type and a rank");
  }
  if (bytes[2] != kUnsignedBytes) {
    refuse("holds IDX values of type " + std::to_string(bytes[2]) +
           "; type 8, unsigned bytes, would be right");
  }
  const std::size_t rank = bytes[3], header = kMagicBytes + rank * kExtentBytes;
  if (rank < 1 || rank > Shape::kMaxRank) {
    refuse("has " + std::to_string(rank) + " extents; 1 to 4 can be read");
  }
  if (bytes.size() < header) refuse("ends within its header");
  IdxArray array;
  std::int64_t elements = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t extent =
        big_endian(bytes.subspan(kMagicBytes + axis * kExtentBytes, kExtentBytes));
    if (extent < 1 || extent > kMaxBytes / elements) {
      refuse("has extents of no or too many values");
    }
    elements *= extent;
    array.shape.append(extent);
  }
  array.values = bytes.subspan(header);
  if (static_cast<std::int64_t>(array.values.size()) != elements) {
    refuse("holds " + std::to_string(array.values.size()) + " values; its header says " +
           array.shape.to_string());
  }
  return array;
}

std::vector<std::uint8_t> inflate_gzip(std::span<const std::uint8_t> bytes, std::int64_t max_bytes,
                                       const std::string& name) {
  const auto refuse = [&](const std::string& what) { throw corrupt("'" + name + "' " + what); };
  if (bytes.size() < kGzipTrailer)
    refuse("is no gzip file: it has " + std::to_string(bytes.size()) + " bytes");
  std::int64_t size = 0;
  for (std::size_t i = 1; i <= 4; ++i) size = size << 8 | bytes[bytes.size() - i];
  const auto largest = static_cast<std::int64_t>(bytes.size()) * kMaxInflation;
  if (size > max_bytes || size > largest) {
    refuse("is damaged or too large: its end says that it holds " + std::to_string(size) +
           " bytes");
  }
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (decompressor == nullptr) throw std::bad_alloc();
  std::vector<std::uint8_t> contents(static_cast<std::size_t>(size));
  std::size_t read = 0;
  // Without a place for the actual size it fails unless the contents have exactly this one.
  const libdeflate_result result =
      libdeflate_gzip_decompress_ex(decompressor.get(), bytes.data(), bytes.size(), contents.data(),
                                    contents.size(), &read, nullptr);
  if (result != LIBDEFLATE_SUCCESS || read != bytes.size()) {
    refuse("is damaged or cut off: it cannot be decompressed");
  }
  return contents;
}

IdxFile::IdxFile(const fs::path& path)
    : path_(plain_or_gzipped(path)),
      bytes_(read_contents(path_)),
      array_(parse_idx(bytes_, path_.string())) {}

}  // namespace miniray
