#include "gan/animation.h"

#include <gtest/gtest.h>
#include <webp/demux.h>

#include <memory>

#include "engine/file.h"
#include "engine/parallel.h"
#include "gan/image_io.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

Images noise(std::int64_t count, std::int64_t channels) {
  Images images{count, 5, 7, channels, {}};
  for (std::int64_t i = 0; i < count * images.image_bytes(); ++i) {
    images.pixels.push_back(static_cast<std::uint8_t>(i * i * 31 + i * 7));
  }
  return images;
}

struct Decoded {
  std::int64_t width = 0, height = 0;
  std::uint32_t loops = 1;
  std::vector<std::vector<std::uint8_t>> frames;  // RGBA
  std::vector<int> ends_ms;
};

Decoded decode(std::span<const std::byte> bytes) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(
      WebPAnimDecoderNew(&data, nullptr), WebPAnimDecoderDelete);
  Decoded result;
  WebPAnimInfo info;
  if (decoder == nullptr || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0) return result;
  result.width = info.canvas_width;
  result.height = info.canvas_height;
  result.loops = info.loop_count;
  std::uint8_t* rgba = nullptr;
  for (int end = 0; WebPAnimDecoderGetNext(decoder.get(), &rgba, &end) != 0;) {
    result.frames.emplace_back(rgba, rgba + 4 * result.width * result.height);
    result.ends_ms.push_back(end);
  }
  return result;
}

TEST(Animation, EveryFrameComesBackBitByBit) {
  for (const std::int64_t channels : {1, 3}) {
    for (const std::int64_t zoom : {1, 3}) {
      const Images images = noise(4, channels);
      const Decoded decoded = decode(encode_animation(images, 70, zoom));
      EXPECT_EQ(decoded.width, 7 * zoom);
      EXPECT_EQ(decoded.height, 5 * zoom);
      EXPECT_EQ(decoded.loops, 0U) << "without end";
      EXPECT_EQ(decoded.ends_ms, (std::vector<int>{70, 140, 210, 280}));
      ASSERT_EQ(decoded.frames.size(), 4U);
      for (std::int64_t n = 0; n < 4; ++n) {
        const auto expected = images.image(n);
        const auto& frame = decoded.frames[static_cast<std::size_t>(n)];
        for (std::int64_t p = 0; p < decoded.width * decoded.height; ++p) {
          const std::int64_t pixel = p / decoded.width / zoom * 7 + p % decoded.width / zoom;
          for (std::int64_t c = 0; c < 3; ++c) {
            ASSERT_EQ(
                frame[static_cast<std::size_t>(4 * p + c)],
                expected[static_cast<std::size_t>(pixel * channels + (channels == 3 ? c : 0))]);
          }
        }
      }
    }
  }
}

TEST(Animation, OneFrameAndASideTooLong) {
  EXPECT_EQ(decode(encode_animation(noise(1, 3), 50)).frames.size(), 1U);
  testing::expect_error(ErrorKind::kInvalidArgument, "16383",
                        [] { encode_animation(noise(1, 3), 50, 3000); });
}

TEST(Animation, OfARunsSheetsInTheOrderOfTheirEpochs) {
  const testing::TempDir dir;
  make_writable_folder(dir.path() / "samples");
  const auto sheet = [&](const std::string& name, const Images& images) {
    write_sheet(dir.path() / "samples" / name, images, 1, 1);
  };
  testing::expect_error(ErrorKind::kNotFound, "no sheets",
                        [&] { animate_run(dir.path(), dir.path() / "a.webp", 100); });
  Images images = noise(2, 3);
  sheet("epoch_00010.png", images);
  images.pixels.assign(images.pixels.size(), 9);
  sheet("epoch_00002.png", images);
  write_file(dir.path() / "samples" / "notes.txt", "not a sheet");
  EXPECT_EQ(animate_run(dir.path(), dir.path() / "a.webp", 100), 2);
  const MappedFile file(dir.path() / "a.webp");
  const Decoded decoded = decode(std::as_bytes(file.bytes()));
  ASSERT_EQ(decoded.frames.size(), 2U);
  const auto inside = static_cast<std::size_t>(4 * (2 * decoded.width + 2));  // past the margin
  EXPECT_EQ(decoded.frames[0][inside], 9) << "epoch 2 comes first";
  EXPECT_EQ(decoded.frames[1][inside], noise(1, 3).pixels[0]);

  sheet("epoch_00011.png", noise(3, 3));
  testing::expect_error(ErrorKind::kCorrupt, "epoch_00011.png",
                        [&] { animate_run(dir.path(), dir.path() / "b.webp", 100); });
  write_file(dir.path() / "samples" / "epoch_00011.png", "no picture");
  testing::expect_error(ErrorKind::kCorrupt, "epoch_00011.png",
                        [&] { animate_run(dir.path(), dir.path() / "b.webp", 100); });
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "b.webp"));
}

}  // namespace
}  // namespace miniray
