// JPEG, PNG and BMP files.
#include "fuzz/target.h"
#include "gan/data/folder/decode.h"

namespace miniray::fuzz {

void parse(std::string_view bytes) {
  const RgbPicture picture = decode_picture(unsigned_bytes(bytes), 4);
  require(static_cast<std::int64_t>(picture.pixels.size()) == picture.width * picture.height * 3,
          "a picture has as many pixels as it says");
}

std::vector<std::string> seeds() {
  const std::filesystem::path folder = std::filesystem::path(MINIRAY_TEST_DATA) / "pictures";
  std::vector<std::string> files;
  for (const char* name : {"plain.jpg", "progressive.jpg", "cmyk.jpg", "grey.png", "rgba.png",
                           "palette_transparent.png", "rgb24.bmp", "rgb32.bmp", "palette1.bmp"}) {
    files.push_back(read_file(folder / name, 1 << 20));
  }
  return files;
}

}  // namespace miniray::fuzz
