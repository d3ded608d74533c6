// The lines of a file that another process appends to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace miniray::dashboard {

// Each read gives what was added since the last one, whole lines alone. Opens the file anew each
// time, so that a thousand of them hold nothing open, and follows no symbolic link.
class LineReader {
 public:
  static constexpr std::size_t kChunkBytes = 1 << 20;
  static constexpr std::size_t kMaxLineBytes = 256 << 10;
  // Readable bytes behind the chunk, as simdjson wants them.
  static constexpr std::size_t kPaddingBytes = 64;

  explicit LineReader(std::filesystem::path path) : path_(std::move(path)) {}

  struct Chunk {
    // Without their ends; they point into `buffer` until it is used again.
    std::vector<std::string_view> lines;
    std::int64_t too_long = 0;  // lines left out
    bool more = false;          // there is more to be read already
    bool restarted = false;     // the file is another one, or became shorter: lines start anew
  };

  // Of at most kChunkBytes. A file that is not there, or no regular file, has no lines.
  Chunk read(std::string& buffer);

  // When the file was last written, in milliseconds since 1970, as of the last read; 0: never.
  std::int64_t modified_ms() const { return modified_ms_; }

 private:
  std::filesystem::path path_;
  std::uint64_t inode_ = 0;
  std::int64_t offset_ = 0, modified_ms_ = 0;
  bool skipping_ = false;  // in the middle of a line that is too long
};

}  // namespace miniray::dashboard
