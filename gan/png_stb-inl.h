// stb_image_write for one way of writing, which the including file names: it keeps its filter in a
// variable of the file.
//
//   MINIRAY_PNG_FILTER   of all rows: 0 for none, 4 for Paeth's
//   MINIRAY_PNG_LEVEL    of libdeflate: 0 stores, 1 is the fastest that compresses
#include <libdeflate.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "engine/error.h"

namespace {

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};

// stb_image_write's own compressor takes six times as long. Gives back malloc'ed memory, or null.
unsigned char* compress_zlib(const unsigned char* data, int size, int* compressed_size, int) {
  // Kept by each thread, since making one costs as much as a small picture.
  thread_local const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(MINIRAY_PNG_LEVEL));
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

std::vector<std::byte> encode(std::int64_t width, std::int64_t height, std::int64_t channels,
                              std::span<const std::uint8_t> hwc) {
  // Chosen once, before a thread's first use.
  [[maybe_unused]] static const int filter = stbi_write_force_png_filter = MINIRAY_PNG_FILTER;
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

}  // namespace
}  // namespace miniray
