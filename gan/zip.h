// Zip archives, the subset that numpy's .npz and PyTorch's .pth are: no encryption, no parts, no
// sizes beyond 4 GB. Little-endian, from the file's end:
//
//   end record   "PK\5\6", .., entries (2 bytes at 10), directory's size (4 at 12), offset (4 at
//   16) directory    an entry: "PK\1\2", .., flags (2 at 8), method (2 at 10: 0 stored, 8
//   deflated),
//                CRC-32 (4 at 16), size in the file (4 at 20), own size (4 at 24), lengths of name,
//                extra and comment (2 each at 28, 30, 32), local header's offset (4 at 42), name
//                (at 46), extra, comment
//   local header "PK\3\4", .., lengths of name and extra (2 each at 26, 28), name (at 30), extra,
//                then the data
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace miniray {

// An archive in memory, its directory checked: every entry lies within the bytes, no name twice.
class ZipArchive {
 public:
  // Throws not found, io or corrupt, naming the path. `parse` takes the bytes; `name` stands for
  // the path in messages.
  static ZipArchive read(const std::filesystem::path& path);
  static ZipArchive parse(std::string bytes, const std::string& name);

  const std::string& name() const { return name_; }
  std::vector<std::string> entries() const;
  bool has(const std::string& entry) const { return entries_.contains(entry); }
  // The entry's bytes, inflated, its CRC-32 checked. Throws corrupt, naming archive and entry, also
  // where there is none or it is larger than max_bytes.
  std::string extract(const std::string& entry, std::uint64_t max_bytes) const;

 private:
  struct Entry {
    int method = 0;
    std::uint64_t offset = 0, packed_size = 0, size = 0;  // of its data
    std::uint32_t crc = 0;
  };
  void parse_directory();
  // Adds the entry at `at` and returns where the next one is.
  std::uint64_t parse_entry(std::uint64_t at);
  std::uint64_t number(std::uint64_t at, int size) const;
  [[noreturn]] void fail(const std::string& what) const;

  std::string name_, bytes_;
  std::map<std::string, Entry> entries_;
};

struct ZipEntry {
  std::string name, bytes;
};

// Entries stored, dates of 1980: equal entries give equal bytes. Throws invalid argument where they
// are beyond 4 GB.
std::string zip_bytes(const std::vector<ZipEntry>& entries);

}  // namespace miniray
