#include "gan/image_io.h"

#include <libdeflate.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "engine/error.h"
#include "engine/file.h"

namespace {

constexpr int kCompressionLevel = 1;  // higher ones gain 0.1% on 32x32 pictures for half the speed
// A file takes whole blocks of a disk, of 4 kB nearly everywhere: pictures that fit one are stored
// as they are, for a fifth of the time that compressing them to three quarters takes.
constexpr int kStoredSize = 3500;

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};

// stb_image_write's own compressor takes six times as long. Gives back malloc'ed memory, or null.
unsigned char* compress_zlib(const unsigned char* data, int size, int* compressed_size, int) {
  // Kept by each thread, since making one costs as much as a small picture.
  using Compressor = std::unique_ptr<libdeflate_compressor, FreeCompressor>;
  thread_local const Compressor compressing(libdeflate_alloc_compressor(kCompressionLevel));
  thread_local const Compressor storing(libdeflate_alloc_compressor(0));
  const Compressor& compressor = size <= kStoredSize ? storing : compressing;
  if (compressor == nullptr) return nullptr;
  const auto in_size = static_cast<std::size_t>(size);
  const std::size_t bound = libdeflate_zlib_compress_bound(compressor.get(), in_size);
  auto* out = static_cast<unsigned char*>(std::malloc(bound));
  if (out == nullptr) return nullptr;
  *compressed_size =
      static_cast<int>(libdeflate_zlib_compress(compressor.get(), data, in_size, out, bound));
  return out;
}

unsigned crc32_of(const unsigned char* data, int size) {
  return libdeflate_crc32(0, data, static_cast<std::size_t>(size));
}

}  // namespace

#define STBIW_ZLIB_COMPRESS compress_zlib
#define STBIW_CRC32 crc32_of
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace miniray {
namespace {

constexpr std::int64_t kMargin = 2;  // pixels between the pictures of a sheet

std::vector<std::byte> encode_png(std::int64_t width, std::int64_t height, std::int64_t channels,
                                  std::span<const std::uint8_t> hwc) {
  // Chosen once, before a thread's first use. Paeth for each row: a third faster than trying all
  // five, and the files of CIFAR-10's pictures grow by 0.7%.
  [[maybe_unused]] static const int filter = stbi_write_force_png_filter = 4;
  std::vector<std::byte> png;
  const auto append = [](void* context, void* data, int size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    auto& out = *static_cast<std::vector<std::byte>*>(context);
    out.insert(out.end(), bytes, bytes + size);
  };
  const int ok = stbi_write_png_to_func(append, &png, static_cast<int>(width),
                                        static_cast<int>(height), static_cast<int>(channels),
                                        hwc.data(), static_cast<int>(width * channels));
  if (ok == 0) throw Error(ErrorKind::kIo, "a picture could not be encoded as PNG");
  return png;
}

std::string image_name(std::int64_t index) {
  char name[40];
  std::snprintf(name, sizeof name, "image_%05lld.png", static_cast<long long>(index));
  return name;
}

// Copies a picture to its place on a sheet, each pixel `zoom` times in both directions.
void place(std::span<const std::uint8_t> picture, const Images& images, std::int64_t zoom,
           std::int64_t left, std::int64_t top, std::int64_t sheet_width,
           std::vector<std::uint8_t>& sheet) {
  for (std::int64_t y = 0; y < images.height * zoom; ++y) {
    for (std::int64_t x = 0; x < images.width * zoom; ++x) {
      const std::int64_t from = (y / zoom * images.width + x / zoom) * images.channels;
      const std::int64_t to = ((top + y) * sheet_width + left + x) * images.channels;
      std::copy_n(picture.begin() + from, images.channels, sheet.begin() + to);
    }
  }
}

}  // namespace

void write_pngs(const ThreadBudget& threads, const Images& images, std::int64_t first,
                const std::filesystem::path& folder) {
  const OutputFolder output(folder);
  threads.for_each_tile(images.count, [&](std::int64_t i) {
    output.write(image_name(first + i),
                 encode_png(images.width, images.height, images.channels, images.image(i)));
  });
}

Sheet encode_sheet(const Images& images, std::int64_t columns, std::int64_t zoom) {
  if (columns == 0) {
    columns = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(images.count))));
  }
  const std::int64_t rows = (images.count + columns - 1) / columns;
  const std::int64_t cell_width = images.width * zoom + kMargin;
  const std::int64_t cell_height = images.height * zoom + kMargin;
  const std::int64_t width = columns * cell_width + kMargin;
  const std::int64_t height = rows * cell_height + kMargin;
  std::vector<std::uint8_t> sheet(static_cast<std::size_t>(width * height * images.channels), 255);
  for (std::int64_t i = 0; i < images.count; ++i) {
    place(images.image(i), images, zoom, kMargin + i % columns * cell_width,
          kMargin + i / columns * cell_height, width, sheet);
  }
  return {width, height, images.channels, encode_png(width, height, images.channels, sheet)};
}

void write_sheet(const std::filesystem::path& path, const Images& images, std::int64_t columns,
                 std::int64_t zoom) {
  write_file(path, encode_sheet(images, columns, zoom).png);
}

}  // namespace miniray
