#include "nn/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"
#include "engine/file.h"

namespace miniray {
namespace {

static_assert(std::endian::native == std::endian::little, "the payload is written as it lies");

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 40;
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kHeaderMultiple = 64;

const std::string kFloat32 = "F32", kBfloat16 = "BF16";
const std::string kHeaderDigest = "header_sha256";
const std::string kNoDigest(64, '0');

using Json = nlohmann::json;

// Parses JSON and refuses a key that stands twice in one object.
Json parse_strict(std::string_view text) {
  std::vector<std::set<std::string>> open_objects;
  const auto check = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key) {
      if (!open_objects.back().insert(value.get<std::string>()).second) {
        throw std::invalid_argument("the key '" + value.get<std::string>() + "' stands twice");
      }
    }
    if (open_objects.size() > 3) throw std::invalid_argument("it is nested too deeply");
    return true;
  };
  return Json::parse(text, check);
}

std::uint64_t unsigned_number(const Json& value) {
  if (!value.is_number_unsigned())
    throw std::invalid_argument("a number is negative or no integer");
  return value.get<std::uint64_t>();
}

// The bytes of a tensor of that shape.
std::uint64_t size_in_bytes(const std::vector<std::int64_t>& shape, bool bfloat16) {
  std::uint64_t bytes = bfloat16 ? sizeof(Bfloat16) : sizeof(float);
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
      throw std::invalid_argument("a shape overflows");
    }
  }
  return bytes;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t extent : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(extent);
  }
  return text.empty() ? "scalar" : text;
}

// In the digest's place.
void replace_digits(std::string& header, const std::string& from, const std::string& to) {
  const std::size_t key = header.find('"' + kHeaderDigest + '"');
  const std::size_t at = header.find('"' + from + '"', key);
  if (at != std::string::npos) header.replace(at + 1, from.size(), to);
}

// Of a header that holds `digest`.
std::string header_digest(std::string_view header, const std::string& digest) {
  std::string text(header);
  replace_digits(text, digest, kNoDigest);
  return sha256_hex(std::as_bytes(std::span(text)));
}

}  // namespace

std::string write_safetensors(const std::filesystem::path& path,
                              const std::vector<NamedTensor>& tensors, Metadata metadata) {
  ByteParts payload;
  std::size_t size = 0;
  nlohmann::ordered_json header;
  header["__metadata__"] = nlohmann::ordered_json::object();
  for (const NamedTensor& tensor : tensors) {
    const bool rounded = tensor.values.is_rounded();
    const auto bytes =
        rounded ? std::as_bytes(tensor.values.rounded()) : std::as_bytes(tensor.values.exact());
    auto& entry = header[tensor.name];
    entry["dtype"] = rounded ? kBfloat16 : kFloat32;
    entry["shape"] = nlohmann::ordered_json::array();
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      entry["shape"].push_back(tensor.shape[axis]);
    }
    entry["data_offsets"] = {size, size + bytes.size()};
    size += bytes.size();
    payload.push_back(bytes);
  }
  metadata["format"] = "pt";
  metadata["sha256"] = sha256_hex(payload);
  metadata[kHeaderDigest] = kNoDigest;
  header["__metadata__"] = metadata;

  std::string file(kLengthBytes, '\0');
  file += header.dump();
  file.resize((file.size() + kHeaderMultiple - 1) / kHeaderMultiple * kHeaderMultiple, ' ');
  const std::uint64_t header_size = file.size() - kLengthBytes;
  std::memcpy(file.data(), &header_size, kLengthBytes);
  const std::string digest = header_digest(std::string_view(file).substr(kLengthBytes), kNoDigest);
  replace_digits(file, kNoDigest, digest);
  payload.insert(payload.begin(), std::as_bytes(std::span(file)));
  write_file(path, payload);
  return digest;
}

SafetensorsFile SafetensorsFile::read(const std::filesystem::path& path) {
  return parse(read_file(path, kMaxFileBytes), path.string());
}

SafetensorsFile SafetensorsFile::parse(std::string bytes, const std::string& name) {
  SafetensorsFile file;
  file.name_ = name;
  file.bytes_ = std::move(bytes);
  if (file.bytes_.size() < kLengthBytes) file.fail("it has fewer than 8 bytes");
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, file.bytes_.data(), kLengthBytes);
  const std::uint64_t rest = file.bytes_.size() - kLengthBytes;
  if (header_size > std::min(rest, kMaxHeaderBytes)) {
    file.fail("its header claims " + std::to_string(header_size) + " bytes, but " +
              std::to_string(std::min(rest, kMaxHeaderBytes)) + " is the most it can have");
  }
  file.payload_offset_ = kLengthBytes + header_size;
  const std::uint64_t payload_size = rest - header_size;
  try {
    file.parse_header(std::string_view(file.bytes_).substr(kLengthBytes, header_size),
                      payload_size);
  } catch (const Json::exception& error) {
    file.fail(std::string("its header is not as the format says (") + error.what() + ")");
  } catch (const std::invalid_argument& error) {
    file.fail(std::string("its header is not as the format says: ") + error.what());
  }
  file.check_digests();
  return file;
}

void SafetensorsFile::parse_header(std::string_view header, std::uint64_t payload_size) {
  if (header.empty() || header.front() != '{') throw std::invalid_argument("it is not an object");
  const Json json = parse_strict(header);
  for (const auto& [key, value] : json.items()) {
    if (key == "__metadata__") {
      metadata_ = value.get<Metadata>();
      continue;
    }
    Entry entry;
    entry.bfloat16 = value.at("dtype") == kBfloat16;
    if (!entry.bfloat16 && value.at("dtype") != kFloat32) {
      throw std::invalid_argument("'" + key + "' has another type than F32 or BF16");
    }
    if (!value.at("shape").is_array()) throw std::invalid_argument("'" + key + "' has no shape");
    for (const Json& extent : value.at("shape")) {
      const std::uint64_t size = unsigned_number(extent);
      if (size > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        throw std::invalid_argument("an extent is too large");
      }
      entry.shape.push_back(static_cast<std::int64_t>(size));
    }
    const Json& offsets = value.at("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2) {
      throw std::invalid_argument("'" + key + "' has no pair of offsets");
    }
    entry.begin = unsigned_number(offsets[0]);
    entry.end = unsigned_number(offsets[1]);
    add_entry(key, std::move(entry));
  }
  check_layout(payload_size);
}

void SafetensorsFile::add_entry(const std::string& tensor, Entry entry) {
  if (entry.begin > entry.end ||
      entry.end - entry.begin != size_in_bytes(entry.shape, entry.bfloat16)) {
    throw std::invalid_argument("the offsets of '" + tensor + "' do not fit its shape");
  }
  entries_.emplace(tensor, std::move(entry));
}

void SafetensorsFile::check_layout(std::uint64_t payload_size) const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces;
  for (const auto& [tensor, entry] : entries_) pieces.emplace_back(entry.begin, entry.end);
  std::ranges::sort(pieces);
  std::uint64_t at = 0;
  for (const auto& [begin, end] : pieces) {
    if (begin != at) throw std::invalid_argument("tensors overlap or leave a gap");
    at = end;
  }
  if (at != payload_size) {
    throw std::invalid_argument("the tensors need " + std::to_string(at) +
                                " bytes, the file holds " + std::to_string(payload_size));
  }
}

void SafetensorsFile::check_digests() const {
  if (!metadata_.contains("sha256") && !metadata_.contains(kHeaderDigest)) return;
  const std::string& of_header = metadata(kHeaderDigest);
  const auto header = std::string_view(bytes_).substr(kLengthBytes, payload_offset_ - kLengthBytes);
  if (of_header.size() != kNoDigest.size() || header_digest(header, of_header) != of_header) {
    fail("its header does not match its SHA-256: the file was damaged");
  }
  const auto payload = std::as_bytes(std::span(bytes_)).subspan(payload_offset_);
  if (sha256_hex(payload) != metadata("sha256")) {
    fail("its numbers do not match their SHA-256: the file was damaged");
  }
}

const std::string& SafetensorsFile::metadata(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) fail("its metadata lacks '" + key + "'");
  return found->second;
}

std::vector<std::string> SafetensorsFile::tensor_names() const {
  std::vector<std::string> names;
  for (const auto& [tensor, entry] : entries_) names.push_back(tensor);
  return names;
}

const SafetensorsFile::Entry& SafetensorsFile::entry_of(const std::string& tensor,
                                                        const Shape& shape) const {
  const auto found = entries_.find(tensor);
  if (found == entries_.end()) fail("it has no tensor '" + tensor + "'");
  const std::string file_shape = shape_text(found->second.shape);
  if (file_shape != shape.to_string()) {
    fail("its tensor '" + tensor + "' is " + file_shape + "; " + shape.to_string() +
         " would be right");
  }
  return found->second;
}

void SafetensorsFile::check_tensor(const std::string& tensor, const Shape& shape) const {
  entry_of(tensor, shape);
}

void SafetensorsFile::copy_tensor(const std::string& tensor, const Shape& shape,
                                  StoredSpan<float> to) const {
  const Entry& entry = entry_of(tensor, shape);
  const char* const bytes = bytes_.data() + payload_offset_ + entry.begin;
  const std::size_t number_size = entry.bfloat16 ? sizeof(Bfloat16) : sizeof(float);
  std::array<float, 1024> numbers;
  std::array<Bfloat16, numbers.size()> rounded;
  for (std::int64_t begin = 0; begin < to.size(); begin += std::ssize(numbers)) {
    const std::int64_t size = std::min<std::int64_t>(std::ssize(numbers), to.size() - begin);
    const auto count = static_cast<std::size_t>(size);
    const std::span<float> piece(numbers.data(), count);
    void* const raw = entry.bfloat16 ? static_cast<void*>(rounded.data()) : numbers.data();
    std::memcpy(raw, bytes + static_cast<std::size_t>(begin) * number_size, count * number_size);
    if (entry.bfloat16) widen({rounded.data(), count}, piece);
    if (!std::ranges::all_of(piece, [](float value) { return std::isfinite(value); })) {
      fail("its tensor '" + tensor + "' holds a number that is not finite");
    }
    if (to.is_rounded()) {
      round_to_bfloat16(piece, part(to.rounded(), begin, size));
    } else {
      std::ranges::copy(piece, part(to.exact(), begin, size).begin());
    }
  }
}

void SafetensorsFile::fail(const std::string& what) const {
  throw corrupt("'" + name_ + "' is not a safetensors file that can be used: " + what);
}

}  // namespace miniray
