#include "gan/zip.h"

#include <libdeflate.h>

#include <limits>
#include <memory>

#include "engine/error.h"
#include "engine/file.h"

namespace miniray {
namespace {

constexpr std::uint64_t kEndSize = 22, kDirectorySize = 46, kLocalSize = 30;
constexpr std::uint64_t kMaxComment = 65'535;
constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 32;
constexpr std::uint32_t kEndSignature = 0x06054b50, kDirectorySignature = 0x02014b50,
                        kLocalSignature = 0x04034b50;
constexpr int kStored = 0, kDeflated = 8;

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* decompressor) const {
    libdeflate_free_decompressor(decompressor);
  }
};

std::uint32_t crc_of(std::string_view bytes) {
  return libdeflate_crc32(0, bytes.data(), bytes.size());
}

void append(std::string& to, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) to += static_cast<char>(value >> (8 * i) & 255);
}

// What local header and directory share: version to their extra's length.
void append_common(std::string& to, const ZipEntry& entry) {
  append(to, 20, 2);          // version that it needs
  append(to, 0, 4);           // flags, method
  append(to, 0, 2);           // time
  append(to, 1 << 5 | 1, 2);  // date: 1 January 1980
  append(to, crc_of(entry.bytes), 4);
  append(to, entry.bytes.size(), 4);
  append(to, entry.bytes.size(), 4);
  append(to, entry.name.size(), 2);
  append(to, 0, 2);  // extra
}

}  // namespace

ZipArchive ZipArchive::read(const std::filesystem::path& path) {
  return parse(read_file(path, kMaxFileBytes), path.string());
}

ZipArchive ZipArchive::parse(std::string bytes, const std::string& name) {
  ZipArchive archive;
  archive.name_ = name;
  archive.bytes_ = std::move(bytes);
  archive.parse_directory();
  return archive;
}

std::uint64_t ZipArchive::number(std::uint64_t at, int size) const {
  if (at > bytes_.size() || bytes_.size() - at < static_cast<std::uint64_t>(size)) {
    fail("it is cut off");
  }
  std::uint64_t value = 0;
  for (int i = size; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes_[at + static_cast<std::uint64_t>(i)]);
  }
  return value;
}

void ZipArchive::parse_directory() {
  if (bytes_.size() < kEndSize) fail("it is too short");
  std::uint64_t end = bytes_.size() - kEndSize;
  const std::uint64_t lowest = end > kMaxComment ? end - kMaxComment : 0;
  while (number(end, 4) != kEndSignature) {
    if (end-- == lowest) fail("it has no directory");
  }
  const std::uint64_t count = number(end + 10, 2);
  std::uint64_t at = number(end + 16, 4);
  for (std::uint64_t i = 0; i < count; ++i) at = parse_entry(at);
  if (at > end) fail("its directory runs into its end");
}

std::uint64_t ZipArchive::parse_entry(std::uint64_t at) {
  if (number(at, 4) != kDirectorySignature) fail("its directory is damaged");
  const std::uint64_t name_size = number(at + 28, 2);
  const std::uint64_t next =
      at + kDirectorySize + name_size + number(at + 30, 2) + number(at + 32, 2);
  if (next > bytes_.size()) fail("it is cut off");
  const std::string entry_name = bytes_.substr(at + kDirectorySize, name_size);
  Entry entry{.method = static_cast<int>(number(at + 10, 2)),
              .packed_size = number(at + 20, 4),
              .size = number(at + 24, 4),
              .crc = static_cast<std::uint32_t>(number(at + 16, 4))};
  if ((number(at + 8, 2) & 1) != 0) fail("'" + entry_name + "' is encrypted");
  if (entry.method != kStored && entry.method != kDeflated) {
    fail("'" + entry_name + "' is compressed by method " + std::to_string(entry.method) +
         "; stored or deflated would be right");
  }
  const std::uint64_t local = number(at + 42, 4);
  if (number(local, 4) != kLocalSignature) fail("'" + entry_name + "' is not where it should be");
  entry.offset = local + kLocalSize + number(local + 26, 2) + number(local + 28, 2);
  if (entry.offset > bytes_.size() || entry.packed_size > bytes_.size() - entry.offset) {
    fail("'" + entry_name + "' is cut off");
  }
  if (!entries_.emplace(entry_name, entry).second) fail("it holds '" + entry_name + "' twice");
  return next;
}

std::vector<std::string> ZipArchive::entries() const {
  std::vector<std::string> names;
  for (const auto& [entry, place] : entries_) names.push_back(entry);
  return names;
}

std::string ZipArchive::extract(const std::string& entry, std::uint64_t max_bytes) const {
  const auto found = entries_.find(entry);
  if (found == entries_.end()) fail("it has no '" + entry + "'");
  const Entry& place = found->second;
  if (place.size > max_bytes) {
    fail("'" + entry + "' claims " + std::to_string(place.size) + " bytes, but " +
         std::to_string(max_bytes) + " is the most it can have");
  }
  const std::string_view packed = std::string_view(bytes_).substr(place.offset, place.packed_size);
  std::string bytes;
  if (place.method == kStored) {
    if (place.size != place.packed_size) fail("'" + entry + "' has two sizes");
    bytes = packed;
  } else {
    const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
        libdeflate_alloc_decompressor());
    if (decompressor == nullptr) throw std::bad_alloc();
    bytes.resize(place.size);
    const auto result = libdeflate_deflate_decompress(
        decompressor.get(), packed.data(), packed.size(), bytes.data(), bytes.size(), nullptr);
    if (result != LIBDEFLATE_SUCCESS) fail("'" + entry + "' cannot be inflated");
  }
  if (crc_of(bytes) != place.crc) fail("'" + entry + "' does not match its checksum");
  return bytes;
}

void ZipArchive::fail(const std::string& what) const {
  throw corrupt("'" + name_ + "' is not a zip archive that can be used: " + what);
}

std::string zip_bytes(const std::vector<ZipEntry>& entries) {
  std::string file, directory;
  for (const ZipEntry& entry : entries) {
    const std::uint64_t offset = file.size();
    append(file, kLocalSignature, 4);
    append_common(file, entry);
    file += entry.name + entry.bytes;
    append(directory, kDirectorySignature, 4);
    append(directory, 20, 2);  // version that made it
    append_common(directory, entry);
    append(directory, 0, 2);  // comment
    append(directory, 0, 8);  // part, attributes
    append(directory, offset, 4);
    directory += entry.name;
  }
  const std::uint64_t offset = file.size();
  file += directory;
  append(file, kEndSignature, 4);
  append(file, 0, 4);  // parts
  append(file, entries.size(), 2);
  append(file, entries.size(), 2);
  append(file, directory.size(), 4);
  append(file, offset, 4);
  append(file, 0, 2);  // comment
  if (file.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw invalid_argument("a zip archive of more than 4 GB cannot be written");
  }
  return file;
}

}  // namespace miniray
