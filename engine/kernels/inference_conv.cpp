#include <algorithm>
#include <limits>
#include <string>

#include "engine/error.h"
#include "engine/kernels/channels_last.h"
#include "engine/kernels/channels_last_tiles.h"
#include "engine/kernels/conv_bands.h"
#include "engine/kernels/conv_tiles.h"
#include "engine/kernels/scratch.h"

namespace miniray {
namespace {

// A panel's weights of one chain of multiply-adds stay near while the pixels of a piece pass by;
// the piece's part of x, and its sums, stay in the second cache. Chains of 192, 256 and 384 gave
// 34, 35 and 36 pictures a second through Inception (AVX-512, two threads).
constexpr std::int64_t kDepth = 384;      // of the sum over taps and channels, in a chain
constexpr std::int64_t kPixels = 192;     // of a piece
constexpr std::int64_t kRowTile = 12;     // pixels of a piece are a multiple of it
constexpr std::int64_t kPiecePanels = 8;  // at most

// How a convolution is cut, by its shape and the width of a panel alone. A piece of work is some
// pixels, of one picture or more, and a few panels of channels.
struct InferenceCut {
  InferenceCut(const InferenceConvShape& s, const ChannelsLast<float>& y)
      : depth(s.channels * s.kernel_height * s.kernel_width),
        block_depth(Bands::even_part(depth, kDepth)),
        pixels(y.images * y.height * y.width),
        piece_pixels(Bands::parts(Bands::even_part(pixels, kPixels), kRowTile) * kRowTile),
        panels(Bands::parts(s.out_channels, width)),
        piece_panels(Bands::even_part(panels, kPiecePanels)) {}

  std::int64_t piece_columns() const { return Bands::parts(panels, piece_panels); }
  std::int64_t pieces() const { return Bands::parts(pixels, piece_pixels) * piece_columns(); }

  std::int64_t width = conv_kernels<float>().columns;  // of a panel
  std::int64_t depth, block_depth;
  std::int64_t pixels, piece_pixels;
  std::int64_t panels, piece_panels;
};

struct InferenceMemory {
  InferenceMemory(const ThreadBudget& threads, const InferenceCut& cut) {
    ScratchLayout shared, own;
    shared.add<std::int32_t>(cut.depth);
    sources_at = own.add<std::int32_t>(cut.piece_pixels);
    places_at = own.add<std::int64_t>(cut.piece_pixels);
    sums_at = own.add<float>(cut.piece_panels * cut.piece_pixels * cut.width);
    own_size = own.size();
    std::byte* const all =
        threads.scratch(shared.size() + static_cast<std::size_t>(threads.threads()) * own_size);
    taps = reinterpret_cast<std::int32_t*>(all);
    own_memory = all + shared.size();
  }
  template <class T>
  T* of_thread(int slot, std::size_t offset) const {
    return reinterpret_cast<T*>(own_memory + static_cast<std::size_t>(slot) * own_size + offset);
  }

  std::int32_t* taps;  // of each step of the sum, from a pixel's first tap
  std::byte* own_memory;
  std::size_t sources_at, places_at, sums_at, own_size;
};

void fill_taps(const InferenceConvShape& s, const ChannelsLast<const float>& x,
               std::int32_t* taps) {
  for (std::int64_t a = 0; a < s.kernel_height; ++a) {
    for (std::int64_t b = 0; b < s.kernel_width; ++b) {
      const std::int64_t tap = a * x.row_stride + b * x.pixel_stride;
      for (std::int64_t c = 0; c < s.channels; ++c) *taps++ = static_cast<std::int32_t>(tap + c);
    }
  }
}

// For the pixels of a piece: where their first taps are, from those of its first picture's first
// pixel, and where their results go.
struct Pixels {
  std::int64_t first, count;

  void locate(const InferenceConvShape& s, const ChannelsLast<const float>& x,
              const ChannelsLast<float>& y, std::int32_t* sources, std::int64_t* places) const {
    const std::int64_t plane = y.height * y.width, first_image = first / plane;
    std::int64_t image = first_image, i = first % plane / y.width, j = first % y.width;
    for (std::int64_t p = 0; p < count; ++p) {
      sources[p] = static_cast<std::int32_t>((image - first_image) * x.image_stride +
                                             s.stride * (i * x.row_stride + j * x.pixel_stride));
      places[p] = y.row(image, i) + j * y.pixel_stride - y.data;
      if (++j < y.width) continue;
      j = 0;
      if (++i < y.height) continue;
      i = 0;
      ++image;
    }
  }
};

void check_extents(const InferenceConvShape& s, const ChannelsLast<const float>& x,
                   const ChannelsLast<float>& y) {
  const bool fits = x.images == y.images && x.channels == s.channels &&
                    y.channels == s.out_channels && y.height == s.out_height(x.height) &&
                    y.width == s.out_width(x.width) && x.border_height >= s.padding_height &&
                    x.border_width >= s.padding_width;
  if (fits && x.images * x.image_stride <= std::numeric_limits<std::int32_t>::max()) return;
  throw invalid_argument("a convolution of " + std::to_string(s.channels) + " channels to " +
                         std::to_string(s.out_channels) + " does not lead from pictures of " +
                         std::to_string(x.height) + "x" + std::to_string(x.width) + " to " +
                         std::to_string(y.height) + "x" + std::to_string(y.width));
}

}  // namespace

InferenceConv::InferenceConv(const InferenceConvShape& shape, std::span<const float> weights,
                             std::span<const float> bias)
    : shape_(shape), panels_(Shape{}), bias_(Shape{}) {
  const std::int64_t width = conv_kernels<float>().columns;
  const std::int64_t taps = shape.kernel_height * shape.kernel_width;
  const std::int64_t panels = Bands::parts(shape.out_channels, width);
  panels_ = Tensor<float>({panels, taps, shape.channels, width});
  bias_ = Tensor<float>({panels, width});
  std::ranges::copy(bias, bias_.data());
  for (std::int64_t o = 0; o < shape.out_channels; ++o) {
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      const float* const from = weights.data() + (o * shape.channels + c) * taps;
      float* const to =
          panels_.data() + (o / width * taps * shape.channels + c) * width + o % width;
      for (std::int64_t tap = 0; tap < taps; ++tap) to[tap * shape.channels * width] = from[tap];
    }
  }
}

void InferenceConv::run(const ThreadBudget& threads, const ChannelsLast<const float>& x,
                        const ChannelsLast<float>& y) const {
  check_extents(shape_, x, y);
  const InferenceCut cut(shape_, y);
  const InferenceMemory memory(threads, cut);
  const float floor = shape_.relu ? 0.0F : -std::numeric_limits<float>::infinity();
  fill_taps(shape_, x, memory.taps);
  threads.for_each_tile_in_slot(cut.pieces(), [&](std::int64_t piece, int slot) {
    const std::int64_t first_pixel = piece / cut.piece_columns() * cut.piece_pixels;
    const Pixels pixels{first_pixel, std::min(cut.piece_pixels, cut.pixels - first_pixel)};
    const std::int64_t first_panel = piece % cut.piece_columns() * cut.piece_panels;
    const std::int64_t panels = std::min(cut.piece_panels, cut.panels - first_panel);
    auto* const sources = memory.of_thread<std::int32_t>(slot, memory.sources_at);
    auto* const places = memory.of_thread<std::int64_t>(slot, memory.places_at);
    auto* const sums = memory.of_thread<float>(slot, memory.sums_at);
    pixels.locate(shape_, x, y, sources, places);
    const float* const from = x.row(first_pixel / (y.height * y.width), -shape_.padding_height) -
                              shape_.padding_width * x.pixel_stride;
    for (std::int64_t k = 0; k < cut.depth; k += cut.block_depth) {
      for (std::int64_t p = 0; p < panels; ++p) {
        conv_kernels<float>().multiply(
            pixels.count, sources, std::min(cut.block_depth, cut.depth - k), memory.taps + k, from,
            panels_.data() + ((first_panel + p) * cut.depth + k) * cut.width, k > 0,
            sums + p * cut.piece_pixels * cut.width);
      }
    }
    for (std::int64_t p = 0; p < panels; ++p) {
      const std::int64_t channel = (first_panel + p) * cut.width;
      channels_last_kernels().finish(pixels.count, std::min(cut.width, y.channels - channel),
                                     sums + p * cut.piece_pixels * cut.width, cut.width,
                                     bias_.data() + channel, floor, places, y.data + channel);
    }
  });
}

}  // namespace miniray
