// Digests of damaged safetensors files, made to fit again: so what lies behind them is reached.
#pragma once

#include <cstring>
#include <string>

#include "engine/file.h"

namespace miniray::fuzz {

constexpr std::size_t kDigits = 64;

inline std::string digest_of(std::string_view bytes) {
  return sha256_hex(std::as_bytes(std::span(bytes)));
}

// Where the value of a key of the header begins; npos where there are no 64 characters of it.
inline std::size_t find_digest(std::string_view file, std::size_t header_end,
                               std::string_view key) {
  const std::string start = "\"" + std::string(key) + "\":\"";
  const std::size_t at = file.substr(0, header_end).find(start);
  return at == file.npos || at + start.size() + kDigits > header_end ? file.npos
                                                                     : at + start.size();
}

inline std::string header_digest_of(std::string_view file) {
  std::uint64_t size = 0;
  if (file.size() >= sizeof size) std::memcpy(&size, file.data(), sizeof size);
  if (file.size() < sizeof size || size > file.size() - sizeof size) return {};
  const std::size_t at = find_digest(file, sizeof size + size, "header_sha256");
  return at == file.npos ? std::string() : std::string(file.substr(at, kDigits));
}

inline std::string resealed(std::string file) {
  std::uint64_t size = 0;
  if (file.size() < sizeof size) return file;
  std::memcpy(&size, file.data(), sizeof size);
  if (size > file.size() - sizeof size) return file;
  const std::size_t end = sizeof size + size;
  const std::size_t payload = find_digest(file, end, "sha256");
  if (payload != file.npos)
    file.replace(payload, kDigits, digest_of(std::string_view(file).substr(end)));
  const std::size_t header = find_digest(file, end, "header_sha256");
  if (header == file.npos) return file;
  file.replace(header, kDigits, std::string(kDigits, '0'));
  return file.replace(header, kDigits, digest_of(std::string_view(file).substr(sizeof size, size)));
}

}  // namespace miniray::fuzz
