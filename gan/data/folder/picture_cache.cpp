#include "gan/data/folder/picture_cache.h"

#include <libdeflate.h>

#include <algorithm>
#include <atomic>

#include "engine/error.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kTrailerBytes = 96, kDigestBytes = 64, kCheckedTrailerBytes = 88;
constexpr std::uint32_t kMagic = 0x3150524D;  // "MRP1"
constexpr std::uint32_t kMaxSide = 65'536;
constexpr std::size_t kBufferBytes = std::size_t{1} << 22;

std::uint32_t crc32(std::uint32_t before, std::span<const std::uint8_t> bytes) {
  return libdeflate_crc32(before, bytes.data(), bytes.size());
}

void put(std::vector<std::uint8_t>& bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

void put_texts(std::vector<std::uint8_t>& bytes, const std::vector<std::string>& texts) {
  put(bytes, texts.size(), 4);
  for (const std::string& text : texts) {
    put(bytes, text.size(), 4);
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
}

// Takes numbers and texts off the front of bytes.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::span<const std::uint8_t> take(std::uint64_t size) {
    if (size > bytes_.size()) throw corrupt("its index is too short");
    const auto taken = bytes_.first(static_cast<std::size_t>(size));
    bytes_ = bytes_.subspan(static_cast<std::size_t>(size));
    return taken;
  }
  std::uint64_t number(int size) {
    std::uint64_t value = 0;
    int shift = 0;
    for (const std::uint8_t byte : take(static_cast<std::uint64_t>(size))) {
      value |= std::uint64_t{byte} << shift;
      shift += 8;
    }
    return value;
  }
  std::uint32_t number32() { return static_cast<std::uint32_t>(number(4)); }
  std::vector<std::uint32_t> numbers(std::int64_t count) {
    Reader values(take(static_cast<std::uint64_t>(count) * 4));
    std::vector<std::uint32_t> all;
    all.reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) all.push_back(values.number32());
    return all;
  }
  std::string text(std::uint64_t size) {
    const auto bytes = take(size);
    return {bytes.begin(), bytes.end()};
  }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (std::uint32_t count = number32(); count > 0; --count) all.push_back(text(number32()));
    return all;
  }
  bool empty() const { return bytes_.empty(); }

 private:
  std::span<const std::uint8_t> bytes_;
};

std::int64_t block_count(std::int64_t pictures) {
  return (pictures + PictureIndex::kBlock - 1) / PictureIndex::kBlock;
}

std::vector<std::uint8_t> index_bytes(const PictureIndex& index) {
  std::vector<std::uint8_t> bytes;
  for (const std::uint32_t label : index.labels) put(bytes, label, 4);
  for (const std::uint32_t check : index.block_checks) put(bytes, check, 4);
  put_texts(bytes, index.class_names);
  put_texts(bytes, index.skipped);
  return bytes;
}

}  // namespace

PictureIndex parse_picture_index(std::span<const std::uint8_t> file) {
  const auto size = static_cast<std::int64_t>(file.size());
  if (size < kTrailerBytes) throw corrupt("it is too short");
  const auto trailer_bytes = file.last(kTrailerBytes);
  Reader trailer(trailer_bytes);
  PictureIndex index;
  index.digest = trailer.text(kDigestBytes);
  const std::uint64_t count = trailer.number(8);
  const std::uint32_t side = trailer.number32(), classes = trailer.number32();
  const std::uint64_t length = trailer.number(8);
  const std::uint32_t check = trailer.number32();
  if (trailer.number32() != kMagic) throw corrupt("it has no end of this format and version");
  const auto body = static_cast<std::uint64_t>(size - kTrailerBytes);
  if (side < 1 || side > kMaxSide || count > body || length > body) {
    throw corrupt("its end does not fit its size");
  }
  index.side = side;
  const auto picture_bytes = static_cast<std::uint64_t>(index.picture_bytes());
  if (count > body / picture_bytes || count * picture_bytes + length != body) {
    throw corrupt("its end does not fit its size");
  }
  const auto rest = file.subspan(static_cast<std::size_t>(count * picture_bytes),
                                 static_cast<std::size_t>(length));
  if (crc32(crc32(0, rest), trailer_bytes.first(kCheckedTrailerBytes)) != check) {
    throw corrupt("its index has another checksum");
  }
  Reader reader(rest);
  index.labels = reader.numbers(static_cast<std::int64_t>(count));
  index.block_checks = reader.numbers(block_count(index.size()));
  index.class_names = reader.texts();
  index.skipped = reader.texts();
  const bool known = std::ranges::all_of(index.labels, [&](auto label) { return label < classes; });
  if (!reader.empty() || index.class_names.size() != classes || !known) {
    throw corrupt("its index contradicts itself");
  }
  return index;
}

PictureCache::PictureCache(const std::filesystem::path& path, const ThreadBudget& threads)
    : file_(path) {
  try {
    index_ = parse_picture_index(file_.bytes());
  } catch (const Error& error) {
    throw corrupt("'" + path.string() + "' is damaged: " + error.what());
  }
  check_pictures(path, threads);
}

void PictureCache::check_pictures(const std::filesystem::path& path,
                                  const ThreadBudget& threads) const {
  std::atomic<bool> good = true;
  threads.for_each_tile(block_count(index_.size()), [&](std::int64_t block) {
    const std::int64_t begin = block * PictureIndex::kBlock;
    const std::int64_t count = std::min(PictureIndex::kBlock, index_.size() - begin);
    const auto bytes =
        part(file_.bytes(), begin * index_.picture_bytes(), count * index_.picture_bytes());
    if (crc32(0, bytes) != index_.block_checks[static_cast<std::size_t>(block)]) good = false;
  });
  if (!good) throw corrupt("'" + path.string() + "' is damaged: pictures have another checksum");
}

std::span<const std::uint8_t> PictureCache::picture(std::int64_t number) const {
  return part(file_.bytes(), number * index_.picture_bytes(), index_.picture_bytes());
}

PictureCacheWriter::PictureCacheWriter(const std::filesystem::path& path, PictureIndex index)
    : file_(path), index_(std::move(index)) {}

void PictureCacheWriter::add(std::uint32_t label, std::span<const std::uint8_t> chw) {
  index_.labels.push_back(label);
  check_ = crc32(check_, chw);
  if (index_.size() % PictureIndex::kBlock == 0) {
    index_.block_checks.push_back(std::exchange(check_, 0));
  }
  write_buffered(chw);
}

void PictureCacheWriter::commit() {
  if (index_.size() % PictureIndex::kBlock != 0) index_.block_checks.push_back(check_);
  const std::vector<std::uint8_t> index = index_bytes(index_);
  std::vector<std::uint8_t> trailer(index_.digest.begin(), index_.digest.end());
  trailer.resize(kDigestBytes);
  put(trailer, static_cast<std::uint64_t>(index_.size()), 8);
  put(trailer, static_cast<std::uint64_t>(index_.side), 4);
  put(trailer, index_.class_names.size(), 4);
  put(trailer, index.size(), 8);
  put(trailer, crc32(crc32(0, index), trailer), 4);
  put(trailer, kMagic, 4);
  write_buffered(index);
  write_buffered(trailer);
  flush();
  file_.commit();
}

void PictureCacheWriter::write_buffered(std::span<const std::uint8_t> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (buffer_.size() >= kBufferBytes) flush();
}

void PictureCacheWriter::flush() {
  file_.append(std::as_bytes(std::span(buffer_)));
  buffer_.clear();
}

}  // namespace miniray
