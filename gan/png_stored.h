// The half of encode_png for small pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace miniray {

// As encode_png, neither filtered nor compressed.
std::vector<std::byte> encode_stored_png(std::int64_t width, std::int64_t height,
                                         std::int64_t channels, std::span<const std::uint8_t> hwc);

}  // namespace miniray
