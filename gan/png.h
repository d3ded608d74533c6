// PNG files in memory, by stb_image_write and libdeflate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace miniray {

// hwc [height, width, channels]. Pictures that fit a block of a disk are stored, since a file takes
// whole blocks anyway, 4 kB nearly everywhere; larger ones are compressed. From any thread. Throws
// io where memory is short.
std::vector<std::byte> encode_png(std::int64_t width, std::int64_t height, std::int64_t channels,
                                  std::span<const std::uint8_t> hwc);

}  // namespace miniray
