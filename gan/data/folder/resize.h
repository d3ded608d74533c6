// A picture's middle at another size.
#pragma once

#include "gan/data/folder/decode.h"

namespace miniray {

// The largest square in the picture's middle (half pixels go left and up), resized to side x side
// by Keys' cubic convolution (IEEE Trans. ASSP 29, 1981; a = -1/2), which is widened by the factor
// where it shrinks, so that nothing aliases. Where the sizes agree, pixels stay as they are. The
// same bytes on every machine. chw: 3 x side x side bytes, overwritten.
void resize_middle(const RgbPicture& picture, std::int64_t side, std::span<std::uint8_t> chw);

}  // namespace miniray
