// Pictures from the bytes of JPEG, PNG and BMP files, told apart by their first bytes.
//
// All become red, green and blue in 8 bits. Grey becomes three equal channels, CMYK is multiplied
// out (no colour profile is applied), 16 bits are rounded to 8, and what is transparent is laid on
// white. An orientation in EXIF data is not followed: pictures stand as they are stored.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/error.h"

namespace miniray {

struct RgbPicture {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // H x W x 3
};

// No picture of more pixels is decoded: bytes that claim to be one are no reason to take memory.
inline constexpr std::int64_t kMaxPixels = std::int64_t{1} << 27;

// A JPEG may come reduced to 1/2, 1/4 or 1/8, while its short side has at least twice min_side
// pixels: a fraction of the time, and what is resized to min_side pixels looks the same. Throws
// corrupt, saying what is wrong with the bytes; the caller knows whose they are. Any thread.
RgbPicture decode_picture(std::span<const std::uint8_t> bytes, std::int64_t min_side);

// The formats, one a file.
RgbPicture decode_jpeg(std::span<const std::uint8_t> bytes, std::int64_t min_side);
RgbPicture decode_png(std::span<const std::uint8_t> bytes);
RgbPicture decode_bmp(std::span<const std::uint8_t> bytes);

// Throws corrupt where a side is below 1 or there are more than kMaxPixels.
void check_extents(std::int64_t width, std::int64_t height);
// Red, green, blue, opacity of each pixel, without premultiplication.
std::vector<std::uint8_t> lay_on_white(std::span<const std::uint8_t> rgba);

}  // namespace miniray
