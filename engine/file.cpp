#include "engine/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "engine/error.h"

namespace miniray {
namespace {

Error cannot(const std::string& verb, const std::filesystem::path& path) {
  const int error_number = errno;
  const std::string message = "cannot " + verb + " '" + path.string() + "'";
  if (error_number == ENOENT) return not_found(message + ": no such file or folder");
  return io_error(message, error_number);
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool write_all(int fd, const ByteParts& parts) {
  for (const auto part : parts) {
    if (!write_all(fd, part)) return false;
  }
  return true;
}

// The process's number keeps two programs that write one path from sharing a temporary file.
std::filesystem::path temporary_name(const std::filesystem::path& path) {
  return path.string() + "." + std::to_string(getpid()) + ".tmp";
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

// Through a file that gets its name when it is complete: a third cheaper than a rename, and nothing
// is left of it where its writer dies. False, and nothing done, where `path` exists or the system
// cannot do it.
bool write_new_file(const std::filesystem::path& path, const ByteParts& parts, bool synced) {
  const Descriptor descriptor(
      open(folder_of(path).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666));
  if (!descriptor.is_open()) return false;
  const std::string unnamed = "/proc/self/fd/" + std::to_string(descriptor.get());
  return write_all(descriptor.get(), parts) && (!synced || fsync(descriptor.get()) == 0) &&
         linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

// A regular file of that many bytes, open for reading. Throws as read_file.
struct OpenFile {
  Descriptor descriptor;
  std::size_t size;
};

OpenFile open_regular(const std::filesystem::path& path) {
  // Without waiting: a named pipe would keep us here before it is seen to be no file.
  Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!descriptor.is_open() || fstat(descriptor.get(), &status) != 0) throw cannot("read", path);
  if (!S_ISREG(status.st_mode)) {
    throw invalid_argument("'" + path.string() + "' is not a regular file");
  }
  return {std::move(descriptor), static_cast<std::size_t>(status.st_size)};
}

}  // namespace

void write_file(const std::filesystem::path& path, const ByteParts& parts, Durability durability) {
  const bool synced = durability == Durability::kSynced;
  const bool exists = faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  if (!exists && write_new_file(path, parts, synced)) {
    if (synced) sync_folder(folder_of(path));
    return;
  }
  StagedFile file(path);
  for (const auto part : parts) file.append(part);
  file.commit(durability);
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                Durability durability) {
  write_file(path, ByteParts{bytes}, durability);
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  write_file(path, std::as_bytes(std::span(text)));
}

StagedFile::StagedFile(const std::filesystem::path& path)
    : path_(path),
      temporary_(temporary_name(path)),
      file_(open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (!file_.is_open()) throw cannot("write", path);
}

StagedFile::~StagedFile() {
  if (!committed_) unlink(temporary_.c_str());
}

void StagedFile::append(std::span<const std::byte> bytes) {
  if (!write_all(file_.get(), bytes)) throw cannot("write", path_);
}

void StagedFile::commit(Durability durability) {
  const bool synced = durability == Durability::kSynced;
  const bool complete = (!synced || fsync(file_.get()) == 0) && file_.close_now() &&
                        rename(temporary_.c_str(), path_.c_str()) == 0;
  if (!complete) throw cannot("write", path_);
  committed_ = true;
  if (synced) sync_folder(folder_of(path_));
}

OutputFolder::OutputFolder(const std::filesystem::path& path)
    : path_(path), folder_(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!folder_.is_open()) throw cannot("write into the folder", path);
}

void OutputFolder::write(const std::string& name, std::span<const std::byte> bytes) const {
  Descriptor file(
      openat(folder_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.is_open() && errno == EEXIST) {
    return write_file(path_ / name, bytes, Durability::kBuffered);
  }
  if (!file.is_open()) throw cannot("write", path_ / name);
  if (write_all(file.get(), bytes) && file.close_now()) return;
  const Error error = cannot("write", path_ / name);
  unlinkat(folder_.get(), name.c_str(), 0);
  throw error;
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY));
  // Some file systems cannot sync a folder and say EINVAL; the rename itself stands.
  if (descriptor.is_open() && fsync(descriptor.get()) != 0 && errno != EINVAL) {
    throw cannot("sync the folder", folder);
  }
}

std::string read_file(const std::filesystem::path& path, std::int64_t max_bytes) {
  const OpenFile file = open_regular(path);
  if (static_cast<std::int64_t>(file.size) > max_bytes) {
    throw corrupt("'" + path.string() + "' has " + std::to_string(file.size) + " bytes; at most " +
                  std::to_string(max_bytes) + " are allowed");
  }
  std::string bytes(file.size, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t size = read(file.descriptor.get(), &bytes[filled], bytes.size() - filled);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw cannot("read", path);
    if (size == 0) break;  // it has become shorter
    filled += static_cast<std::size_t>(size);
  }
  bytes.resize(filled);
  return bytes;
}

void make_writable_folder(const std::filesystem::path& path) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) throw io_error("cannot make the folder '" + path.string() + "'", failure.value());
  if (!std::filesystem::is_directory(path)) {
    throw io_error("cannot make the folder '" + path.string() + "'", ENOTDIR);
  }
  if (access(path.c_str(), W_OK | X_OK) != 0) throw cannot("write into the folder", path);
}

AppendFile::AppendFile(const std::filesystem::path& path)
    : path_(path), file_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (!file_.is_open()) throw io_error("cannot write '" + path.string() + "'", errno);
}

void AppendFile::append(std::span<const std::byte> bytes) {
  const ssize_t written = write(file_.get(), bytes.data(), bytes.size());
  if (written != static_cast<ssize_t>(bytes.size())) {
    throw io_error("cannot write '" + path_.string() + "'", written < 0 ? errno : ENOSPC);
  }
}

std::int64_t AppendFile::size() const {
  struct stat status {};
  if (fstat(file_.get(), &status) != 0)
    throw io_error("cannot read '" + path_.string() + "'", errno);
  return status.st_size;
}

void AppendFile::cut(std::int64_t size) {
  if (ftruncate(file_.get(), size) != 0)
    throw io_error("cannot cut '" + path_.string() + "'", errno);
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const OpenFile file = open_regular(path);
  if (file.size == 0) return;
  void* address = mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.descriptor.get(), 0);
  if (address == MAP_FAILED) throw cannot("map", path);
  bytes_ = {static_cast<const std::uint8_t*>(address), file.size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::string sha256_hex(std::span<const std::byte> bytes) { return sha256_hex(ByteParts{bytes}); }

std::string sha256_hex(const ByteParts& parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  bool done = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const auto part : parts) {
    done = done && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  if (!done || EVP_DigestFinal_ex(context.get(), digest.data(), &length) != 1) {
    throw Error(ErrorKind::kIo, "the SHA-256 of OpenSSL failed");
  }
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

}  // namespace miniray
