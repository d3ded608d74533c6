// As what training stores the numbers that it does not sum up: see docs/precision.md.
#pragma once

namespace miniray {

enum class Precision { kFloat32, kBfloat16 };

}  // namespace miniray
