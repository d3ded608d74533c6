// Pickles, operation by operation, and the files that they stand in.
#pragma once

#include <cstdint>
#include <string>

#include "gan/zip.h"

namespace miniray::testing {

inline std::string little_endian(std::uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 255);
  return bytes;
}

inline std::string text_op(const std::string& text) {
  return 'X' + little_endian(text.size(), 4) + text;
}
inline std::string integer_op(std::int32_t value) {
  return 'J' + little_endian(static_cast<std::uint32_t>(value), 4);
}
inline std::string global_op(const std::string& module, const std::string& name) {
  return 'c' + module + '\n' + name + '\n';
}
inline std::string pickle(const std::string& operations) { return "\x80\x02" + operations + '.'; }

// What describes a tensor in a pickle; members hold operations, so that each can be made wrong.
struct TensorOps {
  std::string type = global_op("torch", "FloatStorage");
  std::string key = text_op("0");
  std::string count = integer_op(6);
  std::string offset = integer_op(0);
  std::string shape = integer_op(2) + integer_op(3) + "\x86";
  std::string stride = integer_op(3) + integer_op(1) + "\x86";
  std::string view{};  // of the older format: None

  std::string ops() const {
    return global_op("torch._utils", "_rebuild_tensor_v2") + "((" + text_op("storage") + type +
           key + text_op("cpu") + count + view + "tQ" + offset + shape + stride + "\x89" +
           global_op("collections", "OrderedDict") + ")RtR";
  }
};

inline std::string dictionary_of(const std::string& key, const std::string& value) {
  return pickle(global_op("collections", "OrderedDict") + ")R(" + text_op(key) + value + 'u');
}

// A file of PyTorch 1.6 and later. `numbers`: of the storage "0".
inline std::string torch_zip(const std::string& data_pickle, const std::string& numbers) {
  return zip_bytes(
      {{"archive/data.pkl", data_pickle}, {"archive/data/0", numbers}, {"archive/version", "3\n"}});
}

// A file from before. count: of the numbers, as the file says.
inline std::string torch_legacy(const std::string& data_pickle, const std::string& numbers,
                                std::uint64_t count) {
  const std::string magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
  return magic + pickle('M' + little_endian(1001, 2)) +
         pickle("}(" + text_op("little_endian") + "\x88u") + data_pickle +
         pickle("](" + text_op("0") + 'e') + little_endian(count, 8) + numbers;
}

}  // namespace miniray::testing
