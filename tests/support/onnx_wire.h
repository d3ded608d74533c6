// The bytes that the ONNX project publishes its tests in.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace miniray::testing {

// Protocol buffers' wire format, as far as ONNX uses it. Throws where it ends early.
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
  float number() {
    float value = 0;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
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

// A number that may stand alone or in a packed list of them.
template <class Add>
void read_numbers(WireReader& reader, std::uint64_t wire_type, Add add) {
  constexpr std::uint64_t kPacked = 2;
  if (wire_type != kPacked) return add(static_cast<std::int64_t>(reader.varint()));
  for (WireReader list(reader.bytes()); !list.at_end();) {
    add(static_cast<std::int64_t>(list.varint()));
  }
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.string() + ": no such file");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace miniray::testing
