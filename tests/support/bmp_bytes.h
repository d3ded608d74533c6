// Pictures as files, made byte by byte: a BMP of 24 bits.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace miniray::testing {

using Colour = std::array<std::uint8_t, 3>;  // red, green, blue

inline std::string bmp_bytes(int width, int height, const std::function<Colour(int x, int y)>& at) {
  const int stride = (width * 3 + 3) / 4 * 4;
  std::string bytes = "BM";
  const auto append = [&](std::int64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * i);
  };
  for (const int value : {54 + stride * height, 0, 54, 40, width, height}) append(value, 4);
  append(1, 2);
  append(24, 2);
  for (int i = 0; i < 6; ++i) append(0, 4);
  for (int y = height - 1; y >= 0; --y) {
    for (int x = 0; x < width; ++x) {
      const Colour colour = at(x, y);
      for (int c = 2; c >= 0; --c) bytes += static_cast<char>(colour[static_cast<std::size_t>(c)]);
    }
    bytes.append(static_cast<std::size_t>(stride - 3 * width), '\0');
  }
  return bytes;
}

// One colour all over.
inline std::string bmp_bytes(int width, int height, const Colour& colour) {
  return bmp_bytes(width, height, [&](int, int) { return colour; });
}

}  // namespace miniray::testing
