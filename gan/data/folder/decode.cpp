#include "gan/data/folder/decode.h"

#include <algorithm>

namespace miniray {
namespace {

bool begins_with(std::span<const std::uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::ranges::equal(magic, bytes.first(magic.size()), [](char a, std::uint8_t b) {
           return static_cast<std::uint8_t>(a) == b;
         });
}

}  // namespace

RgbPicture decode_picture(std::span<const std::uint8_t> bytes, std::int64_t min_side) {
  if (begins_with(bytes, "\xFF\xD8\xFF")) return decode_jpeg(bytes, min_side);
  if (begins_with(bytes, "\x89PNG\r\n\x1A\n")) return decode_png(bytes);
  if (begins_with(bytes, "BM")) return decode_bmp(bytes);
  throw corrupt(bytes.empty() ? "the file is empty" : "the file is no JPEG, PNG or BMP");
}

void check_extents(std::int64_t width, std::int64_t height) {
  if (width >= 1 && height >= 1 && width <= kMaxPixels / height) return;
  throw corrupt("it has " + std::to_string(width) + " x " + std::to_string(height) +
                " pixels; 1 to " + std::to_string(kMaxPixels) + " can be read");
}

std::vector<std::uint8_t> lay_on_white(std::span<const std::uint8_t> rgba) {
  std::vector<std::uint8_t> rgb;
  rgb.reserve(rgba.size() / 4 * 3);
  for (std::size_t at = 0; at < rgba.size(); at += 4) {
    const int opacity = rgba[at + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int sum = rgba[at + c] * opacity + 255 * (255 - opacity);
      rgb.push_back(static_cast<std::uint8_t>((sum + 127) / 255));
    }
  }
  return rgb;
}

}  // namespace miniray
