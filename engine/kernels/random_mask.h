// Random bits for dropout.
#pragma once

#include <cstdint>
#include <span>

#include "engine/rng.h"

namespace miniray {

// Sets each bit of mask with probability `keep`, rounded to a multiple of 2^-16. Byte i is drawn
// from block first_byte + i of the stream: bit j is set where the block's j-th 16 bits, from the
// lowest of its first word on, are below keep * 2^16. Calling thread only.
void fill_mask(const RandomKey& key, double keep, std::uint64_t first_byte,
               std::span<std::uint8_t> mask);

}  // namespace miniray
