// The .npy format of numpy, arrays in C order. Bytes:
//
//   0..5      "\x93NUMPY"
//   6..7      version: 1.0, 2.0 or 3.0
//   8..       N, the header's length, little-endian: 2 bytes in version 1, else 4
//   ..        the header, N bytes: a Python dictionary of 'descr', 'fortran_order', 'shape'
//   ..        the numbers
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gan/images.h"

namespace miniray {

// An array in memory: its type as numpy writes it ("<f8", "<f4", "|u1"), extents, numbers.
struct NpyArray {
  std::string type;
  std::vector<std::int64_t> shape;
  std::string_view payload;  // of the bytes that were parsed; as large as type and shape say
};

// Throws corrupt, naming what is wrong; `name` stands for the path. Numbers of 1, 2, 4 or 8 bytes.
NpyArray parse_npy_array(std::string_view bytes, const std::string& name);
// A whole file, version 1.0.
std::string encode_npy(const std::string& type, const std::vector<std::int64_t>& shape,
                       std::string_view payload);

// Version 1.0, uint8 [N, H, W, C]. Throws io.
void write_npy(const std::filesystem::path& path, const Images& images);

// A float32 array of two extents, as numpy.save writes it in C order.
struct NpyMatrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<float> values;
};

// Throws not found, io or corrupt, naming the path and what is wrong. `parse_npy` takes the bytes;
// `name` stands for the path in messages.
NpyMatrix read_npy(const std::filesystem::path& path);
NpyMatrix parse_npy(std::string_view bytes, const std::string& name);

}  // namespace miniray
