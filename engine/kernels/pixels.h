// Between the numbers of a network and the bytes of a picture.
#pragma once

#include <cstdint>

namespace miniray {

// One picture: chw [channels, pixels] in [-1, 1], beyond that cut off, to hwc [pixels, channels],
// to the nearest byte. channels is 1 or 3. Calling thread only.
void pixels_from_planes(std::int64_t channels, std::int64_t pixels, const float* chw,
                        std::uint8_t* hwc);

}  // namespace miniray
