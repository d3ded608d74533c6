// IDX files and gzip files as their descriptions say, made byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace miniray::testing {

inline std::string idx_bytes(const std::vector<std::uint32_t>& extents, const std::string& values) {
  std::string bytes{0, 0, 8, static_cast<char>(extents.size())};
  for (const std::uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(extent >> shift);
  }
  return bytes + values;
}

// The CRC-32 of gzip (RFC 1952, 8), bit by bit.
inline std::uint32_t plain_crc32(const std::string& bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

// One member of stored blocks (RFC 1951, 3.2.4), at most 65,535 bytes each.
inline std::string gzip_bytes(const std::string& contents) {
  std::string bytes("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  const auto append = [&](std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8 * i);
  };
  for (std::size_t at = 0; at < contents.size() || at == 0; at += 65'535) {
    const std::string block = contents.substr(at, 65'535);
    bytes += static_cast<char>(at + block.size() == contents.size());
    append(static_cast<std::uint32_t>(block.size()), 2);
    append(~static_cast<std::uint32_t>(block.size()), 2);
    bytes += block;
  }
  append(plain_crc32(contents), 4);
  append(static_cast<std::uint32_t>(contents.size()), 4);
  return bytes;
}

}  // namespace miniray::testing
