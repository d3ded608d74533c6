// Parts of spans by signed extents, as shapes count them.
#pragma once

#include <cstdint>
#include <span>

namespace miniray {

// Elements [begin, begin + size) of `whole`.
template <class T>
std::span<T> part(std::span<T> whole, std::int64_t begin, std::int64_t size) {
  return whole.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
}

}  // namespace miniray
