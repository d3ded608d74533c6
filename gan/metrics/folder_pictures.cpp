#include <algorithm>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/data/folder/decode.h"
#include "gan/data/folder/picture_tree.h"
#include "gan/metrics/picture_source.h"

namespace miniray {
namespace {

constexpr std::int64_t kWholeSize = kMaxPixels;  // no JPEG comes reduced

struct Folder {
  std::filesystem::path root;
  std::vector<PictureFile> files;

  RgbPicture decode(std::int64_t index) const {
    const std::string name = file_name(index);
    const std::string bytes = read_file(name, std::int64_t{1} << 32);
    try {
      return decode_picture({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                            kWholeSize);
    } catch (const Error& error) {
      throw corrupt("'" + name + "': " + error.what());
    }
  }
  std::string file_name(std::int64_t index) const {
    return (root / files[static_cast<std::size_t>(index)].path).string();
  }
};

// Red alone, of a picture whose colours are equal.
void copy_grey(const RgbPicture& picture, const std::string& name, std::span<std::uint8_t> to) {
  for (std::size_t p = 0; p < to.size(); ++p) {
    const std::uint8_t* const rgb = picture.pixels.data() + 3 * p;
    if (rgb[0] != rgb[1] || rgb[0] != rgb[2]) {
      throw invalid_argument("'" + name + "' has colours; the others are grey");
    }
    to[p] = rgb[0];
  }
}

Images read_files(const ThreadBudget& threads, const Folder& folder, const Shape& shape,
                  std::int64_t first, std::int64_t count) {
  Images images{count, shape[1], shape[2], shape[0], {}};
  images.pixels.resize(static_cast<std::size_t>(count * images.image_bytes()));
  threads.for_each_tile(count, [&](std::int64_t i) {
    const RgbPicture picture = folder.decode(first + i);
    const std::string name = folder.file_name(first + i);
    if (picture.height != shape[1] || picture.width != shape[2]) {
      throw invalid_argument("'" + name + "' has " + std::to_string(picture.width) + "x" +
                             std::to_string(picture.height) + " pixels, the first picture " +
                             std::to_string(shape[2]) + "x" + std::to_string(shape[1]) +
                             "; all must be of one size");
    }
    const auto to = part(std::span(images.pixels), i * images.image_bytes(), images.image_bytes());
    if (shape[0] == 1) return copy_grey(picture, name, to);
    std::ranges::copy(picture.pixels, to.begin());
  });
  return images;
}

}  // namespace

PictureSource folder_pictures(const std::filesystem::path& root, std::int64_t channels) {
  const auto folder = std::make_shared<const Folder>(Folder{root, find_pictures(root).files});
  const RgbPicture first = folder->decode(0);
  const Shape shape{channels, first.height, first.width};
  return {"'" + root.string() + "'", static_cast<std::int64_t>(folder->files.size()), shape,
          [folder, shape](const ThreadBudget& threads) -> PictureReader {
            return [folder, shape, &threads](std::int64_t begin, std::int64_t count) {
              return read_files(threads, *folder, shape, begin, count);
            };
          }};
}

}  // namespace miniray
