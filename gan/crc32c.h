// CRC-32C (Castagnoli): the checksum of TensorBoard's records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace miniray {

// Polynomial 0x1EDC6F41, reflected, initial value and final xor 0xFFFFFFFF (RFC 3720, 12.1).
std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace miniray
