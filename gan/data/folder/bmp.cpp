// BMP by stb_image, compiled for this format alone: its other decoders have had their holes, and
// for JPEG and PNG there are the libraries that browsers trust. It reads zeros beyond the end of
// its input; so that the input is complete is checked here.
#include <cstring>
#include <memory>

#include "gan/data/folder/decode.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace miniray {
namespace {

constexpr std::size_t kOldHeader = 12, kShortestFile = 26, kShortestNewFile = 34;

std::int64_t little_endian(std::span<const std::uint8_t> bytes, std::size_t at, int size) {
  std::uint32_t value = 0;
  for (int i = size - 1; i >= 0; --i) value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
  return size == 2 ? std::int64_t{value} : static_cast<std::int32_t>(value);
}

// Throws corrupt where the extents are out of range or rows are missing.
void check_bmp(std::span<const std::uint8_t> bytes) {
  const auto require = [](bool complete) {
    if (!complete) throw corrupt("the BMP is cut off");
  };
  require(bytes.size() >= kShortestFile);
  const bool old = little_endian(bytes, 14, 4) == kOldHeader;
  require(old || bytes.size() >= kShortestNewFile);
  const std::int64_t width = little_endian(bytes, 18, old ? 2 : 4);
  const std::int64_t height = old ? little_endian(bytes, 20, 2) : little_endian(bytes, 22, 4);
  const std::int64_t bits = little_endian(bytes, old ? 24 : 28, 2);
  const std::int64_t offset = little_endian(bytes, 10, 4);
  const std::int64_t rows = height < 0 ? -height : height;  // below 0: from the top down
  check_extents(width, rows);
  if (bits < 1 || bits > 32) throw corrupt("the BMP has " + std::to_string(bits) + " bits a pixel");
  const std::int64_t stride = (width * bits + 31) / 32 * 4;
  const std::int64_t last_row = (width * bits + 7) / 8;
  require(offset >= 0 &&
          offset + (rows - 1) * stride + last_row <= static_cast<std::int64_t>(bytes.size()));
}

}  // namespace

RgbPicture decode_bmp(std::span<const std::uint8_t> bytes) {
  check_bmp(bytes);
  if (bytes.size() > INT_MAX) throw corrupt("the BMP is too large");
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> rgba(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height,
                            &channels, 4),
      stbi_image_free);
  if (rgba == nullptr) {
    throw corrupt("the BMP cannot be decoded: " + std::string(stbi_failure_reason()));
  }
  const auto size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4;
  return {width, height, lay_on_white({rgba.get(), size})};
}

}  // namespace miniray
