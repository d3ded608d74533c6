// PNG by libpng's simplified interface, which reports errors as values.
#include <png.h>

#include "gan/data/folder/decode.h"

namespace miniray {
namespace {

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) {
    image_.version = PNG_IMAGE_VERSION;
    check(png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size()));
  }
  ~Reader() { png_image_free(&image_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::int64_t width() const { return image_.width; }
  std::int64_t height() const { return image_.height; }
  bool transparent() const { return (image_.format & PNG_FORMAT_FLAG_ALPHA) != 0; }

  // 3 channels, or 4 where it is transparent.
  std::vector<std::uint8_t> read() {
    image_.format = transparent() ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
    // Without this, 16 bits would be taken for linear light where the file says nothing.
    image_.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image_));
    check(png_image_finish_read(&image_, nullptr, pixels.data(), 0, nullptr));
    return pixels;
  }

 private:
  void check(int ok) const {
    if (ok == 0) throw corrupt(image_.message);
  }

  png_image image_{};
};

}  // namespace

RgbPicture decode_png(std::span<const std::uint8_t> bytes) {
  Reader reader(bytes);
  check_extents(reader.width(), reader.height());
  const bool transparent = reader.transparent();
  RgbPicture picture{reader.width(), reader.height(), reader.read()};
  if (transparent) picture.pixels = lay_on_white(picture.pixels);
  return picture;
}

}  // namespace miniray
