#include "gan/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "engine/error.h"
#include "engine/file.h"

namespace miniray {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

constexpr std::string_view kMagic{"\x93NUMPY", 6};
constexpr std::size_t kHeaderMultiple = 64;
constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 36;

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw corrupt("'" + name + "' is not an npy file that can be used: " + what +
                "; a float32 array [N, latent_dim] in C order would be right");
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

// The header, and what follows it.
struct Parts {
  std::string_view header, payload;
};

Parts split(std::string_view bytes, const std::string& name) {
  if (!bytes.starts_with(kMagic) || bytes.size() < kMagic.size() + 4) {
    fail(name, "it does not begin with numpy's magic");
  }
  const int version = bytes[kMagic.size()];
  const std::size_t length_size = version == 1 ? 2 : 4;
  const std::size_t header_at = kMagic.size() + 2 + length_size;
  if (version < 1 || version > 3 || bytes.size() < header_at) fail(name, "its version is unknown");
  const std::uint64_t length = little_endian(bytes.substr(kMagic.size() + 2, length_size));
  if (length > bytes.size() - header_at) fail(name, "its header is cut off");
  return {bytes.substr(header_at, length), bytes.substr(header_at + length)};
}

// What follows `'key':` in the dictionary, blanks skipped.
std::optional<std::string_view> value_of(std::string_view header, std::string_view key) {
  std::size_t at = header.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  at = header.find_first_not_of(" :", at + key.size());
  if (at == std::string_view::npos) return std::nullopt;
  return header.substr(at);
}

// "(N, M)" and nothing else.
std::optional<std::pair<std::int64_t, std::int64_t>> parse_pair(std::string_view text) {
  std::int64_t values[2] = {};
  if (!text.starts_with('(')) return std::nullopt;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size();
  for (int i = 0; i < 2; ++i) {
    while (at != end && *at == ' ') ++at;
    const auto [next, failure] = std::from_chars(at, end, values[i]);
    if (failure != std::errc() || next == end || *next != (i == 0 ? ',' : ')')) return std::nullopt;
    at = next + 1;
  }
  return std::pair(values[0], values[1]);
}

}  // namespace

void write_npy(const std::filesystem::path& path, const Images& images) {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" +
                       std::to_string(images.count) + ", " + std::to_string(images.height) + ", " +
                       std::to_string(images.width) + ", " + std::to_string(images.channels) +
                       "), }";
  const std::size_t before = kMagic.size() + 4;
  header.append(
      (2 * kHeaderMultiple - (before + header.size() + 1) % kHeaderMultiple) % kHeaderMultiple,
      ' ');
  header += '\n';
  std::string file(kMagic);
  file += {'\x01', '\x00', static_cast<char>(header.size() & 255),
           static_cast<char>(header.size() >> 8)};
  file += header;
  file.append(reinterpret_cast<const char*>(images.pixels.data()), images.pixels.size());
  write_file(path, file);
}

NpyMatrix read_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path, kMaxFileBytes), path.string());
}

NpyMatrix parse_npy(std::string_view bytes, const std::string& name) {
  const auto [header, payload] = split(bytes, name);
  const auto type = value_of(header, "'descr'");
  if (!type || !type->starts_with("'<f4'")) fail(name, "its numbers are not float32 ('<f4')");
  const auto order = value_of(header, "'fortran_order'");
  if (!order || !order->starts_with("False")) fail(name, "it is not in C order");
  const auto shape_text = value_of(header, "'shape'");
  const auto shape = shape_text ? parse_pair(*shape_text) : std::nullopt;
  if (!shape) fail(name, "it has not two extents");
  NpyMatrix matrix{shape->first, shape->second, {}};
  std::int64_t count = 0, size = 0;
  if (matrix.rows < 1 || matrix.columns < 1 ||
      __builtin_mul_overflow(matrix.rows, matrix.columns, &count) ||
      __builtin_mul_overflow(count, std::int64_t{sizeof(float)}, &size) ||
      size != static_cast<std::int64_t>(payload.size())) {
    fail(name, "it holds " + std::to_string(payload.size()) + " bytes for the shape [" +
                   std::to_string(matrix.rows) + ", " + std::to_string(matrix.columns) + "]");
  }
  matrix.values.resize(static_cast<std::size_t>(count));
  std::memcpy(matrix.values.data(), payload.data(), payload.size());
  if (!std::ranges::all_of(matrix.values, [](float value) { return std::isfinite(value); })) {
    fail(name, "it holds a number that is not finite");
  }
  return matrix;
}

}  // namespace miniray
