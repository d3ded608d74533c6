// Finished pictures: bytes, ready to be written.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/shape.h"
#include "engine/span.h"

namespace miniray {

// `count` pictures of one size, each H x W x C, one after the other.
struct Images {
  std::int64_t count = 0;
  std::int64_t height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;

  std::int64_t image_bytes() const { return height * width * channels; }
  std::span<const std::uint8_t> image(std::int64_t index) const {
    return part(std::span<const std::uint8_t>(pixels), index * image_bytes(), image_bytes());
  }
};

}  // namespace miniray
