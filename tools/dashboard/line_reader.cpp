#include "tools/dashboard/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/descriptor.h"

namespace miniray::dashboard {

LineReader::Chunk LineReader::read(std::string& buffer) {
  Chunk chunk;
  struct stat status {};
  // A look is cheaper than opening, and most files have nothing new.
  if (lstat(path_.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return chunk;
  if (status.st_ino != inode_ || status.st_size < offset_) {
    chunk.restarted = inode_ != 0;
    inode_ = status.st_ino;
    offset_ = 0;
    skipping_ = false;
  }
  modified_ms_ = status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1'000'000;
  if (status.st_size == offset_) return chunk;

  const Descriptor file(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open()) return chunk;
  buffer.resize(kChunkBytes + kPaddingBytes);
  const ssize_t size = pread(file.get(), buffer.data(), kChunkBytes, offset_);
  if (size <= 0) return chunk;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', begin)) {
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (skipping_ || line.size() > kMaxLineBytes) {
      ++chunk.too_long;
      skipping_ = false;
    } else if (!line.empty()) {
      chunk.lines.push_back(line);
    }
  }
  if (text.size() - begin > kMaxLineBytes) {
    skipping_ = true;
    begin = text.size();
  }
  offset_ += static_cast<std::int64_t>(begin);
  chunk.more = begin > 0 && offset_ < status.st_size;
  return chunk;
}

}  // namespace miniray::dashboard
