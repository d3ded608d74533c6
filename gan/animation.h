// Animated pictures: lossless WebP, which browsers show and which has all colours (GIF has 256),
// written by libwebp's own encoder. (libpng as it is released writes no animations.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "gan/images.h"

namespace miniray {

inline constexpr std::int64_t kMaxFrameMs = 10'000;

// The bytes of a file that shows each picture for frame_ms milliseconds, over and over, each pixel
// as zoom x zoom. There is at least one picture, of 1 or 3 channels. Equal neighbours may become
// one longer frame. Throws invalid argument where a side is longer than WebP's 16383 pixels.
std::vector<std::byte> encode_animation(const Images& frames, std::int64_t frame_ms,
                                        std::int64_t zoom = 1);

// A run's sheets of samples (run/samples/*.png), in the order of their epochs, as one animation.
// Returns their number. Throws not found, corrupt or invalid argument, naming what is wrong.
std::int64_t animate_run(const std::filesystem::path& run, const std::filesystem::path& output,
                         std::int64_t frame_ms);

}  // namespace miniray
