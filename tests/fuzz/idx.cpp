// IDX files, as they are or gzipped.
#include "gan/data/idx.h"

#include "fuzz/target.h"
#include "support/idx_bytes.h"

namespace miniray::fuzz {

void parse(std::string_view bytes) {
  std::span<const std::uint8_t> contents = unsigned_bytes(bytes);
  std::vector<std::uint8_t> inflated;
  if (bytes.starts_with("\x1f\x8b")) {
    inflated = inflate_gzip(contents, 1 << 20, "input");
    contents = inflated;
  }
  const IdxArray array = parse_idx(contents, "input");
  require(static_cast<std::int64_t>(array.values.size()) == array.shape.elements(),
          "an array has as many values as it says");
}

std::vector<std::string> seeds() {
  const std::string plain = testing::idx_bytes({2, 3, 4}, std::string(24, 'v'));
  // What gzip makes of an array of 40 times "v".
  const std::string deflated(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x63\x60\xe0\x60\x64\x60\x60\xd0\x28\x23\x12\x00\x00"
      "\x14\xb9\x1c\x4d\x30\x00\x00\x00",
      31);
  return {plain, testing::gzip_bytes(plain), deflated};
}

}  // namespace miniray::fuzz
