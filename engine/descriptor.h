// A file descriptor that is closed with its owner. Moved, not copied.
#pragma once

#include <unistd.h>

#include <utility>

namespace miniray {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}  // below 0: none, as a failed open gives it
  ~Descriptor() { close_now(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Some file systems report a full disk only here.
  bool close_now() { return fd_ < 0 || close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

}  // namespace miniray
