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
  throw corrupt("'" + name + "' is not an npy file that can be used: " + what);
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

// "(N, M)", "(N,)" or "()": as Python writes a tuple.
std::optional<std::vector<std::int64_t>> parse_shape(std::string_view text) {
  std::vector<std::int64_t> shape;
  if (!text.starts_with('(')) return std::nullopt;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size();
  while (true) {
    while (at != end && *at == ' ') ++at;
    if (at != end && *at == ')') return shape;
    std::int64_t extent = 0;
    const auto [next, failure] = std::from_chars(at, end, extent);
    if (failure != std::errc() || next == end || (*next != ',' && *next != ')') || extent < 0) {
      return std::nullopt;
    }
    shape.push_back(extent);
    at = *next == ',' ? next + 1 : next;
  }
}

// The bytes of a number, of a type such as '<f8'; 0 where it is none of ours.
std::int64_t item_bytes(std::string_view type) {
  const bool known = type.size() == 3 && std::string_view("<|").find(type[0]) != type.npos &&
                     std::string_view("fiu").find(type[1]) != type.npos &&
                     std::string_view("1248").find(type[2]) != type.npos;
  return known && (type[0] == '<' || type[2] == '1') ? type[2] - '0' : 0;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t extent : shape)
    text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return text;
}

}  // namespace

std::string encode_npy(const std::string& type, const std::vector<std::int64_t>& shape,
                       std::string_view payload) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" +
                       shape_text(shape) + (shape.size() == 1 ? ",), }" : "), }");
  const std::size_t before = kMagic.size() + 4;
  header.append(
      (2 * kHeaderMultiple - (before + header.size() + 1) % kHeaderMultiple) % kHeaderMultiple,
      ' ');
  header += '\n';
  std::string file(kMagic);
  file += {'\x01', '\x00', static_cast<char>(header.size() & 255),
           static_cast<char>(header.size() >> 8)};
  file += header;
  file += payload;
  return file;
}

void write_npy(const std::filesystem::path& path, const Images& images) {
  const std::string_view pixels(reinterpret_cast<const char*>(images.pixels.data()),
                                images.pixels.size());
  write_file(path, encode_npy("|u1", {images.count, images.height, images.width, images.channels},
                              pixels));
}

NpyArray parse_npy_array(std::string_view bytes, const std::string& name) {
  const auto [header, payload] = split(bytes, name);
  const auto type = value_of(header, "'descr'");
  const std::size_t quote = type && type->starts_with('\'') ? type->find('\'', 1) : 0;
  if (quote == 0 || quote == std::string_view::npos) fail(name, "it names no type");
  NpyArray array{std::string(type->substr(1, quote - 1)), {}, payload};
  std::int64_t size = item_bytes(array.type);
  if (size == 0) fail(name, "its numbers are of the type '" + array.type + "'");
  const auto order = value_of(header, "'fortran_order'");
  if (!order || !order->starts_with("False")) fail(name, "it is not in C order");
  const auto shape_value = value_of(header, "'shape'");
  const auto shape = shape_value ? parse_shape(*shape_value) : std::nullopt;
  if (!shape) fail(name, "it has no shape");
  array.shape = *shape;
  bool overflow = false;
  for (const std::int64_t extent : array.shape) {
    overflow = overflow || __builtin_mul_overflow(size, extent, &size);
  }
  if (overflow || size != static_cast<std::int64_t>(payload.size())) {
    fail(name, "it holds " + std::to_string(payload.size()) + " bytes for the shape [" +
                   shape_text(array.shape) + "]");
  }
  return array;
}

NpyMatrix read_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path, kMaxFileBytes), path.string());
}

NpyMatrix parse_npy(std::string_view bytes, const std::string& name) {
  const NpyArray array = parse_npy_array(bytes, name);
  const std::string wanted = "; a float32 array [N, latent_dim] would be right";
  if (array.type != "<f4") {
    fail(name, "its numbers are not float32 ('<f4') but '" + array.type + "'" + wanted);
  }
  if (array.shape.size() != 2) fail(name, "it has not two extents" + wanted);
  NpyMatrix matrix{array.shape[0], array.shape[1], {}};
  if (matrix.rows < 1 || matrix.columns < 1) fail(name, "it is empty" + wanted);
  matrix.values.resize(static_cast<std::size_t>(matrix.rows * matrix.columns));
  std::memcpy(matrix.values.data(), array.payload.data(), array.payload.size());
  if (!std::ranges::all_of(matrix.values, [](float value) { return std::isfinite(value); })) {
    fail(name, "it holds a number that is not finite");
  }
  return matrix;
}

}  // namespace miniray
