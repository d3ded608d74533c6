// Tensors as the ONNX project publishes them with its tests: a TensorProto in a file of its own
// (onnx.proto3: dims = 1, data_type = 2, float_data = 4, raw_data = 9), of type float.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace miniray::testing {

struct OnnxTensor {
  std::vector<std::int64_t> dims;
  std::vector<float> values;
};

// Protocol buffers' wire format, as far as a TensorProto uses it. Throws where it ends early.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1).front());
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw std::runtime_error("a number of too many bytes");
  }
  std::string_view bytes() { return take(varint()); }
  void skip(std::uint64_t wire_type) {
    if (wire_type == 0) varint();
    if (wire_type == 1) take(8);
    if (wire_type == 2) bytes();
    if (wire_type == 5) take(4);
  }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size()) throw std::runtime_error("it ends early");
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
};

inline OnnxTensor read_onnx_tensor(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.string() + ": no such file");
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  constexpr std::uint64_t kDims = 1, kType = 2, kFloats = 4, kRaw = 9, kFloatType = 1, kPacked = 2;
  OnnxTensor tensor;
  for (WireReader reader(bytes); !reader.at_end();) {
    const std::uint64_t key = reader.varint(), field = key >> 3, wire_type = key & 7;
    if (field == kDims && wire_type == kPacked) {
      for (WireReader dims(reader.bytes()); !dims.at_end();) {
        tensor.dims.push_back(static_cast<std::int64_t>(dims.varint()));
      }
    } else if (field == kDims) {
      tensor.dims.push_back(static_cast<std::int64_t>(reader.varint()));
    } else if (field == kType) {
      if (reader.varint() != kFloatType) throw std::runtime_error(path.string() + ": no floats");
    } else if ((field == kFloats || field == kRaw) && wire_type == kPacked) {
      const std::string_view raw = reader.bytes();
      tensor.values.resize(raw.size() / sizeof(float));
      std::memcpy(tensor.values.data(), raw.data(), tensor.values.size() * sizeof(float));
    } else {
      reader.skip(wire_type);
    }
  }
  return tensor;
}

}  // namespace miniray::testing
