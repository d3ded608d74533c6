// How a network's layers hang together: stages, and the values that go from one to another.
#pragma once

#include <cstddef>
#include <cstdint>

namespace miniray {

// What layers read: the network's input, or the output of the stage of this index.
using Value = std::int64_t;
inline constexpr Value kNetworkInput = -1;
inline constexpr Value kNoValue = -2;

// Layers [first, end) that share one output: a layer, and those behind it that work in place. The
// first reads `source`; `addend`, where there is one, is added to what it makes.
struct Stage {
  std::size_t first, end;
  Value source;
  Value addend = kNoValue;
};

}  // namespace miniray
