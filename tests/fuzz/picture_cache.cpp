// The index of a folder's decoded pictures.
#include "gan/data/folder/picture_cache.h"

#include "fuzz/target.h"
#include "support/idx_bytes.h"

namespace miniray::fuzz {
namespace {

// With the checksum that it should have.
std::string resealed(std::string cache) {
  if (cache.size() < 96) return cache;
  const auto number = [&](std::size_t at, int size) {
    std::uint64_t value = 0;
    for (int i = size - 1; i >= 0; --i) {
      value = value << 8 | static_cast<unsigned char>(cache[at + static_cast<std::size_t>(i)]);
    }
    return value;
  };
  const std::uint64_t index_size = number(cache.size() - 16, 8);
  if (index_size > cache.size() - 96) return cache;
  const std::size_t begin = cache.size() - 96 - static_cast<std::size_t>(index_size);
  const std::uint32_t check = testing::plain_crc32(cache.substr(begin, cache.size() - 8 - begin));
  for (int i = 0; i < 4; ++i) {
    cache[cache.size() - 8 + static_cast<std::size_t>(i)] = static_cast<char>(check >> 8 * i);
  }
  return cache;
}

}  // namespace

void parse(std::string_view bytes) {
  const std::string cache = resealed(std::string(bytes));
  const PictureIndex index = parse_picture_index(unsigned_bytes(cache));
  require(index.size() * index.picture_bytes() <= static_cast<std::int64_t>(cache.size()),
          "the pictures lie in the file");
  for (const std::uint32_t label : index.labels) {
    require(label < index.class_names.size(), "a label is one of the classes");
  }
}

std::vector<std::string> seeds() {
  InputFile file;
  PictureCacheWriter writer(
      file.path(), {.digest = std::string(64, 'd'), .side = 1, .class_names = {"one", "another"}});
  for (std::uint32_t i = 0; i < 5; ++i) writer.add(i % 2, std::vector<std::uint8_t>(3, 'p'));
  writer.skip("'a.jpg': is none");
  writer.commit();
  return {file.read()};
}

}  // namespace miniray::fuzz
