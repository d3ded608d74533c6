#include "tools/dashboard/run_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/descriptor.h"
#include "engine/error.h"

namespace miniray::dashboard {
namespace {

constexpr off_t kMaxBytes = 64 << 20;

void check_plain(const std::string& name) {
  const bool plain = !name.empty() && name.front() != '.' && name.size() <= 255 &&
                     name.find('/') == name.npos && name.find('\0') == name.npos;
  if (!plain) throw invalid_argument("this is no plain name of a file: '" + name + "'");
}

Descriptor open_beneath(const std::filesystem::path& runs_dir,
                        const std::vector<std::string>& parts) {
  Descriptor at(open(runs_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t i = 0; i < parts.size() && at.is_open(); ++i) {
    const bool last = i + 1 == parts.size();
    const int kind = last ? O_NONBLOCK : O_DIRECTORY;
    at = Descriptor(openat(at.get(), parts[i].c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | kind));
  }
  return at;
}

}  // namespace

std::string read_run_file(const std::filesystem::path& runs_dir,
                          const std::vector<std::string>& parts) {
  for (const std::string& part : parts) check_plain(part);
  const Descriptor file = open_beneath(runs_dir, parts);
  struct stat status {};
  if (!file.is_open() || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw not_found("there is no such file");
  }
  if (status.st_size > kMaxBytes) throw corrupt("the file is larger than 64 MB");
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got =
        pread(file.get(), bytes.data() + filled, bytes.size() - filled, static_cast<off_t>(filled));
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace miniray::dashboard
