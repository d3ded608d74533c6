// Sources of a gather as points of Winograd's filtering (winograd.h).
//
// A source that is stepped through by s is s x s sources, each every s-th row and column of it; so
// 4x4 taps of stride 2 are 2x2 taps on four pictures, whose channels are summed as one row of
// s x s x channels numbers: the depth of a point.
#pragma once

#include <cstdint>

#include "engine/kernels/conv_bands.h"
#include "engine/kernels/conv_gather.h"
#include "engine/kernels/conv_phase.h"
#include "engine/kernels/conv_tiles.h"
#include "engine/kernels/winograd.h"

namespace miniray {

// How a gather falls into tiles of two by two targets of one phase, by its shape alone.
struct WinogradTiles {
  // tiles: of a band, about.
  WinogradTiles(const Gather& g, std::int64_t tiles);

  std::int64_t step;          // of the source along an axis
  std::int64_t taps, points;  // along an axis, on one of the step x step sources; of a tile
  std::int64_t columns;       // tiles side by side
  Bands bands;                // of tiles
  std::int64_t band_tiles, band_pixels;  // at most
  std::int64_t depth;                    // numbers of a point that are summed over
  std::int64_t channels;                 // the source's, and room to whole vectors
  std::int64_t tile_stride;              // from a point of a tile to the same of the next
  std::int64_t box_rows, box_columns;    // of a band's source, with its padding

  std::int64_t point_stride() const { return band_tiles * tile_stride; }
  std::int64_t points_size() const { return points * point_stride(); }
  std::int64_t box_size() const { return bands.images_each() * box_rows * box_columns * channels; }
  std::int64_t tiles_in(const Band& band) const { return band.images * band.rows * columns; }
  // The band's targets of a phase, in pixels.
  static Band pixels_of(const Band& band) {
    return {band.first_image, band.images, 2 * band.first_row, 2 * band.rows};
  }
};

// Owns nothing; what it is made of must outlive it. Its functions use the calling thread only.
template <class T>
class WinogradSources {
 public:
  WinogradSources(const Gather& g, const WinogradTiles& tiles, Pictures<const T> source)
      : g_(g), tiles_(tiles), source_(source) {}

  // Elements of working memory where the source is rounded.
  std::int64_t lines_size() const {
    return source_.is_rounded() ? kChannelsAtOnce * g_.columns.source_extent() : 0;
  }
  // box [image][row][column][channels, tiles' room]: the source of a band with zeros around.
  void fill_box(const Band& band, T* box, T* lines) const;
  // points [point][tile][depth, tile_stride] of the band in a phase.
  void fill_points(const Band& band, const GridPhase& phase, const T* box, T* points) const;

 private:
  static constexpr std::int64_t kChannelsAtOnce = 16;
  struct RowPlace {
    std::int64_t image, row, first_channel;
  };

  bool is_inside(std::int64_t row) const { return row >= 0 && row < g_.rows.source_extent(); }
  void fill_zeros(std::int64_t row, T* to) const;
  void fill_row(const RowPlace& place, T* to, T* lines) const;

  const Gather& g_;
  const WinogradTiles& tiles_;
  const Pictures<const T> source_;
  // Of a box.
  const Inside columns_{g_.columns.lowest_source(), tiles_.box_columns, g_.columns.source_extent()};
  const WinogradMaps<T>& maps_ = winograd_maps<T>(tiles_.taps);
};

}  // namespace miniray
