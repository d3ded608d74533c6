#include "gan/png_stored.h"

#define MINIRAY_PNG_FILTER 0
#define MINIRAY_PNG_LEVEL 0
#include "gan/png_stb-inl.h"

namespace miniray {

std::vector<std::byte> encode_stored_png(std::int64_t width, std::int64_t height,
                                         std::int64_t channels, std::span<const std::uint8_t> hwc) {
  return encode(width, height, channels, hwc);
}

}  // namespace miniray
