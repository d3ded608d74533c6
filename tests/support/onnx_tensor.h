// Tensors as the ONNX project publishes them with its tests (TensorProto of onnx.proto3: dims = 1,
// data_type = 2, float_data = 4, name = 8, raw_data = 9).
#pragma once

#include <string>
#include <vector>

#include "support/onnx_wire.h"

namespace miniray::testing {

struct OnnxTensor {
  std::string name;
  std::vector<std::int64_t> dims;
  std::vector<float> values;  // none of another type
};

// Throws where the bytes end early.
inline OnnxTensor parse_onnx_tensor(std::string_view bytes) {
  constexpr std::uint64_t kDims = 1, kType = 2, kFloats = 4, kName = 8, kRaw = 9, kFloatType = 1;
  OnnxTensor tensor;
  bool floats = false;
  for (WireReader reader(bytes); !reader.at_end();) {
    const std::uint64_t key = reader.varint(), field = key >> 3, wire_type = key & 7;
    if (field == kDims) {
      read_numbers(reader, wire_type, [&](std::int64_t n) { tensor.dims.push_back(n); });
    } else if (field == kType) {
      floats = reader.varint() == kFloatType;
    } else if (field == kName) {
      tensor.name = reader.bytes();
    } else if ((field == kFloats || field == kRaw) && wire_type == 2) {
      const std::string_view raw = reader.bytes();
      tensor.values.resize(raw.size() / sizeof(float));
      if (!tensor.values.empty()) {
        std::memcpy(tensor.values.data(), raw.data(), tensor.values.size() * sizeof(float));
      }
    } else {
      reader.skip(wire_type);
    }
  }
  if (!floats) tensor.values.clear();
  return tensor;
}

}  // namespace miniray::testing
