// Files: read whole, mapped, appended to, and written so that a reader never meets half of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/descriptor.h"

namespace miniray {

enum class Durability {
  kSynced,    // on the disk when the call returns
  kBuffered,  // complete for every reader now, on the disk when the system gets to it
};

// A file's bytes where they lie, in order. Not owned.
using ByteParts = std::vector<std::span<const std::byte>>;

// Writes a file without a name, or with a temporary one, in the same folder, syncs it where asked
// and only then gives it its name. What stood at `path` stays as it was unless the whole succeeds.
// Throws io, naming the path.
void write_file(const std::filesystem::path& path, const ByteParts& parts,
                Durability durability = Durability::kSynced);
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                Durability durability = Durability::kSynced);
void write_file(const std::filesystem::path& path, const std::string& text);

// A file that is written piece by piece, under a temporary name, and gets its own when it is
// complete. Where it is destroyed before, what stood there stays as it was; where its process is
// killed, a file named path.<number>.tmp is left.
class StagedFile {
 public:
  // Throws io, naming the path; so do the others.
  explicit StagedFile(const std::filesystem::path& path);
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

  void append(std::span<const std::byte> bytes);
  // Once, after the last append.
  void commit(Durability durability = Durability::kSynced);

 private:
  std::filesystem::path path_, temporary_;
  Descriptor file_;
  bool committed_ = false;
};

// Where many files go, for the least that the system asks for each: the folder is looked up once,
// and a new file has its name from the start.
class OutputFolder {
 public:
  // Throws not found or io, naming the path; so does write.
  explicit OutputFolder(const std::filesystem::path& path);

  // The file is on the disk when the system gets to it. Where one of that name stood, it stays as
  // it was unless the whole succeeds, as by write_file. A new one is removed where writing it
  // fails, but whoever looks meanwhile, or after its process was killed, may find it unfinished.
  // Any number of threads, each with names of its own.
  void write(const std::string& name, std::span<const std::byte> bytes) const;

 private:
  std::filesystem::path path_;
  Descriptor folder_;
};

// What was made, renamed or removed in a folder is on the disk when it returns. Throws io, naming
// the path.
void sync_folder(const std::filesystem::path& folder);

// Throws not found or io, naming the path; corrupt where the file is larger than max_bytes.
std::string read_file(const std::filesystem::path& path, std::int64_t max_bytes);

// Makes the folder and those above it. Throws io, naming the path, also where it cannot be written.
void make_writable_folder(const std::filesystem::path& path);

// A file that grows at its end. Each append is one system call, so that those of several threads
// and processes never mix, where the file system is this machine's own.
class AppendFile {
 public:
  // Makes the file where there is none. Throws io, naming the path.
  explicit AppendFile(const std::filesystem::path& path);

  // Throws io, naming the path. A full disk may leave a part of the bytes.
  void append(std::span<const std::byte> bytes);

  // For files with one writer: the size, and to make it smaller again. Throw io, naming the path.
  std::int64_t size() const;
  void cut(std::int64_t size);

 private:
  std::filesystem::path path_;
  Descriptor file_;
};

// A file mapped read-only. Moved, not copied.
class MappedFile {
 public:
  // Throws not found or io, naming the path.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const std::uint8_t> bytes_;
};

// The SHA-256 digest (FIPS 180-4) as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(const ByteParts& parts);  // of all of them, in order

}  // namespace miniray
