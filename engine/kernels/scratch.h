// Several arrays in one piece of scratch memory, each aligned to 64 bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace miniray {

class ScratchLayout {
 public:
  // Takes room for `count` elements of T; returns the offset of the first, in bytes.
  template <class T>
  std::size_t add(std::int64_t count) {
    const std::size_t offset = size_;
    size_ += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return offset;
  }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

}  // namespace miniray
