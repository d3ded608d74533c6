#include "gan/animation.h"

#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <memory>
#include <string>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/data/folder/decode.h"

namespace miniray {
namespace {

constexpr int kCompressionLevel = 4;  // of 9

struct FreeEncoder {
  void operator()(WebPAnimEncoder* encoder) const { WebPAnimEncoderDelete(encoder); }
};
using Encoder = std::unique_ptr<WebPAnimEncoder, FreeEncoder>;

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::kIo, "an animation could not be encoded: " + what);
}

// WebPPicture owns memory that it does not free itself.
struct Picture {
  Picture() {
    if (WebPPictureInit(&webp) == 0) fail("another version of libwebp is installed");
  }
  ~Picture() { WebPPictureFree(&webp); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  WebPPicture webp;
};

struct Assembled {
  Assembled() { WebPDataInit(&data); }
  ~Assembled() { WebPDataClear(&data); }
  Assembled(const Assembled&) = delete;
  Assembled& operator=(const Assembled&) = delete;
  WebPData data;
};

// RGB, each pixel zoom x zoom.
std::vector<std::uint8_t> enlarged(const Images& images, std::int64_t index, std::int64_t zoom) {
  const auto from = images.image(index);
  const std::int64_t width = images.width * zoom, height = images.height * zoom;
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(width * height * 3));
  std::size_t at = 0;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t pixel = (y / zoom * images.width + x / zoom) * images.channels;
      for (std::int64_t c = 0; c < 3; ++c) {
        rgb[at++] = from[static_cast<std::size_t>(pixel + std::min(c, images.channels - 1))];
      }
    }
  }
  return rgb;
}

void add_frame(const Images& images, std::int64_t index, std::int64_t zoom, std::int64_t at_ms,
               const WebPConfig& config, WebPAnimEncoder* encoder) {
  Picture picture;
  picture.webp.use_argb = 1;
  picture.webp.width = static_cast<int>(images.width * zoom);
  picture.webp.height = static_cast<int>(images.height * zoom);
  const auto rgb = enlarged(images, index, zoom);
  if (WebPPictureImportRGB(&picture.webp, rgb.data(), 3 * picture.webp.width) == 0) {
    fail("no memory for a frame");
  }
  if (WebPAnimEncoderAdd(encoder, &picture.webp, static_cast<int>(at_ms), &config) == 0) {
    fail(WebPAnimEncoderGetError(encoder));
  }
}

std::vector<std::filesystem::path> sample_sheets(const std::filesystem::path& run) {
  const std::filesystem::path folder = run / "samples";
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".png") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);  // their names hold the epoch in five digits
  if (paths.empty()) {
    throw Error(ErrorKind::kNotFound, "'" + folder.string() + "' has no sheets of samples");
  }
  return paths;
}

RgbPicture read_png(const std::filesystem::path& path) {
  const MappedFile file(path);
  try {
    return decode_png(file.bytes());
  } catch (const Error& error) {
    throw Error(error.kind(), "'" + path.string() + "': " + error.what());
  }
}

}  // namespace

std::vector<std::byte> encode_animation(const Images& frames, std::int64_t frame_ms,
                                        std::int64_t zoom) {
  const std::int64_t width = frames.width * zoom, height = frames.height * zoom;
  if (std::max(width, height) > WEBP_MAX_DIMENSION) {
    throw invalid_argument("an animation has at most " + std::to_string(WEBP_MAX_DIMENSION) +
                           " pixels a side, not " + std::to_string(std::max(width, height)));
  }
  WebPAnimEncoderOptions options;
  WebPConfig config;
  if (WebPAnimEncoderOptionsInit(&options) == 0 || WebPConfigInit(&config) == 0 ||
      WebPConfigLosslessPreset(&config, kCompressionLevel) == 0) {
    fail("another version of libwebp is installed");
  }
  options.anim_params.loop_count = 0;  // without end
  const Encoder encoder(
      WebPAnimEncoderNew(static_cast<int>(width), static_cast<int>(height), &options));
  if (encoder == nullptr) fail("no memory");
  for (std::int64_t i = 0; i < frames.count; ++i) {
    add_frame(frames, i, zoom, i * frame_ms, config, encoder.get());
  }
  const auto end_ms = static_cast<int>(frames.count * frame_ms);
  Assembled file;
  if (WebPAnimEncoderAdd(encoder.get(), nullptr, end_ms, nullptr) == 0 ||
      WebPAnimEncoderAssemble(encoder.get(), &file.data) == 0) {
    fail(WebPAnimEncoderGetError(encoder.get()));
  }
  const auto* const bytes = reinterpret_cast<const std::byte*>(file.data.bytes);
  return {bytes, bytes + file.data.size};
}

std::int64_t animate_run(const std::filesystem::path& run, const std::filesystem::path& output,
                         std::int64_t frame_ms) {
  Images frames;
  frames.channels = 3;
  for (const auto& path : sample_sheets(run)) {
    const RgbPicture sheet = read_png(path);
    if (frames.count > 0 && (sheet.width != frames.width || sheet.height != frames.height)) {
      throw Error(ErrorKind::kCorrupt,
                  "'" + path.string() + "' has another size than the sheets " + "before it");
    }
    frames.width = sheet.width;
    frames.height = sheet.height;
    frames.pixels.insert(frames.pixels.end(), sheet.pixels.begin(), sheet.pixels.end());
    ++frames.count;
  }
  write_file(output, encode_animation(frames, frame_ms));
  return frames.count;
}

}  // namespace miniray
