// The bits of a stream of random numbers, many at a time.
#pragma once

#include <cstdint>
#include <span>

#include "engine/rng.h"

namespace miniray {

// words: random_block(key, first_block), the next block's, and so on; a multiple of 4. Calling
// thread only.
void fill_random_words(const RandomKey& key, std::uint64_t first_block,
                       std::span<std::uint32_t> words);

}  // namespace miniray
