// Decoders and resizing, against the values that tests/pictures/make_pictures.py put in or that
// Pillow reads.
#include "gan/data/folder/decode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "engine/file.h"
#include "gan/data/folder/resize.h"
#include "support/bmp_bytes.h"
#include "support/expect_error.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::bmp_bytes;
using testing::expect_error;

const fs::path kFolder = fs::path(MINIRAY_TEST_DATA) / "pictures";

std::span<const std::uint8_t> unsigned_bytes(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

RgbPicture decode(const std::string& bytes, std::int64_t min_side = 1'000) {
  return decode_picture(unsigned_bytes(bytes), min_side);
}

std::string file_bytes(const std::string& name) { return read_file(kFolder / name, 1 << 20); }

int largest_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  EXPECT_EQ(a.size(), b.size());
  int largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

// tolerance: other versions of libjpeg may round in other ways.
void expect_decoded(const std::string& name, int tolerance) {
  SCOPED_TRACE(name);
  const RgbPicture picture = decode(file_bytes(name));
  EXPECT_EQ(picture.width, 24);
  EXPECT_EQ(picture.height, 16);
  EXPECT_LE(largest_difference(picture.pixels, unsigned_bytes(file_bytes(name + ".rgb"))),
            tolerance);
}

TEST(DecodePicture, Jpeg) {
  for (const char* kind : {"plain", "progressive", "full_colour", "grey", "cmyk"}) {
    expect_decoded(kind + std::string(".jpg"), 2);
  }
}

TEST(DecodePicture, Png) {
  for (const char* kind : {"rgb", "grey", "rgba", "grey_alpha", "one_bit", "rgb16", "grey16",
                           "palette", "palette_transparent"}) {
    expect_decoded(kind + std::string(".png"), 0);
  }
}

TEST(DecodePicture, Bmp) {
  for (const char* kind : {"rgb24", "top_down", "rgb32", "palette8", "palette4", "palette1"}) {
    expect_decoded(kind + std::string(".bmp"), 0);
  }
}

TEST(DecodePicture, RefusesWhatIsCutOff) {
  for (const char* name : {"plain.jpg", "progressive.jpg", "rgb.png", "palette.png", "rgb24.bmp",
                           "top_down.bmp", "palette1.bmp"}) {
    const std::string bytes = file_bytes(name);
    // A PNG's last 12 bytes only say that it ends.
    const std::size_t needed = bytes.size() - (bytes[0] == 'B' || bytes[0] == '\xFF' ? 0 : 12);
    for (std::size_t size = 0; size < needed; size += 7) {
      SCOPED_TRACE(name + std::string(" cut to ") + std::to_string(size));
      expect_error(ErrorKind::kCorrupt, "", [&] { decode(bytes.substr(0, size)); });
    }
  }
}

TEST(DecodePicture, SaysWhatIsWrong) {
  const auto refused = [](const std::string& message, const std::string& bytes) {
    expect_error(ErrorKind::kCorrupt, message, [&] { decode(bytes); });
  };
  refused("empty", "");
  refused("no JPEG, PNG or BMP", "GIF89a and so on");
  std::string bytes = file_bytes("rgb.png");
  bytes[60] ^= 1;
  refused("IDAT", bytes);
  bytes = file_bytes("plain.jpg");
  const std::size_t frame = bytes.find("\xFF\xC0");  // then length, bits, height, width
  ASSERT_NE(frame, std::string::npos);
  bytes.replace(frame + 5, 4, "\xFF\x00\xFF\x00", 4);
  refused("65280 x 65280 pixels", bytes);
  bytes = file_bytes("rgb24.bmp");
  bytes.replace(18, 4, std::string("\xFF\xFF\xFF\xFF", 4));
  refused("-1 x 16 pixels", bytes);
  bytes = file_bytes("rgb24.bmp");
  bytes[30] = 1;  // run lengths
  refused("BMP", bytes);
}

// A comment before the first marker that a broken program wrote does not spoil a picture.
TEST(DecodePicture, ToleratesHarmlessFaults) {
  std::string bytes = file_bytes("plain.jpg");
  const std::size_t tables = bytes.find("\xFF\xDB");
  ASSERT_NE(tables, std::string::npos);
  bytes.insert(tables, "xx");
  EXPECT_EQ(decode(bytes).pixels, decode(file_bytes("plain.jpg")).pixels);
}

TEST(DecodePicture, ALargeJpegComesReduced) {
  const std::string bytes = file_bytes("large.jpg");
  const RgbPicture whole = decode(bytes, 61);
  EXPECT_EQ(whole.width, 160);
  EXPECT_EQ(whole.height, 120);
  EXPECT_LE(largest_difference(whole.pixels, unsigned_bytes(file_bytes("large.jpg.rgb"))), 2);
  for (const auto& [min_side, factor] : {std::pair(30, 2), {15, 4}, {7, 8}, {1, 8}}) {
    const RgbPicture reduced = decode(bytes, min_side);
    EXPECT_EQ(reduced.width, 160 / factor);
    EXPECT_EQ(reduced.height, 120 / factor);
  }
  // What is resized looks the same.
  std::vector<std::uint8_t> from_whole(3 * 15 * 15), from_reduced(3 * 15 * 15);
  resize_middle(whole, 15, from_whole);
  resize_middle(decode(bytes, 15), 15, from_reduced);
  double sum = 0;
  for (std::size_t i = 0; i < from_whole.size(); ++i) {
    sum += std::abs(from_whole[i] - from_reduced[i]);
  }
  EXPECT_LT(sum / static_cast<double>(from_whole.size()), 4);
}

// --- resizing ----------------------------------------------------------------------------------

std::vector<std::uint8_t> resized(const RgbPicture& picture, std::int64_t side) {
  std::vector<std::uint8_t> chw(static_cast<std::size_t>(3 * side * side));
  resize_middle(picture, side, chw);
  return chw;
}

// H x W x C to C x H x W.
std::vector<std::uint8_t> planes(std::span<const std::uint8_t> hwc) {
  std::vector<std::uint8_t> chw;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = c; i < hwc.size(); i += 3) chw.push_back(hwc[i]);
  }
  return chw;
}

// Pillow rounds to whole values after each of the two directions: so they may differ by one.
TEST(ResizeMiddle, AgreesWithPillow) {
  const RgbPicture noise = decode(file_bytes("noise.png"));
  for (const int side : {5, 8, 16, 40}) {
    const std::string expected = file_bytes("noise_" + std::to_string(side) + ".rgb");
    EXPECT_LE(largest_difference(resized(noise, side), planes(unsigned_bytes(expected))), 1);
  }
}

RgbPicture numbered(std::int64_t width, std::int64_t height) {
  RgbPicture picture{width, height,
                     std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3))};
  std::iota(picture.pixels.begin(), picture.pixels.end(), std::uint8_t{0});
  return picture;
}

TEST(ResizeMiddle, TakesTheMiddleAsItIs) {
  const auto pixel = [](const RgbPicture& picture, std::int64_t x, std::int64_t y, std::size_t c) {
    return picture.pixels[static_cast<std::size_t>((y * picture.width + x) * 3) + c];
  };
  for (const auto& [width, height, left, top] :
       {std::tuple(9, 4, 2, 0), {4, 9, 0, 2}, {4, 4, 0, 0}, {5, 4, 0, 0}}) {
    const RgbPicture picture = numbered(width, height);
    const auto middle = resized(picture, 4);
    for (std::int64_t y = 0; y < 4; ++y) {
      for (std::int64_t x = 0; x < 4; ++x) {
        for (std::size_t c = 0; c < 3; ++c) {
          ASSERT_EQ(middle[c * 16 + static_cast<std::size_t>(y * 4 + x)],
                    pixel(picture, left + x, top + y, c));
        }
      }
    }
  }
}

TEST(ResizeMiddle, OneColourStays) {
  const RgbPicture picture = decode(bmp_bytes(50, 37, {200, 3, 255}));
  for (const std::int64_t side : {1, 4, 36, 37, 38, 100}) {
    const auto chw = resized(picture, side);
    const auto count = static_cast<std::size_t>(side * side);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(chw[i], 200);
      ASSERT_EQ(chw[count + i], 3);
      ASSERT_EQ(chw[2 * count + i], 255);
    }
  }
}

}  // namespace
}  // namespace miniray
