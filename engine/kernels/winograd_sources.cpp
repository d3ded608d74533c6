#include "engine/kernels/winograd_sources.h"

#include <algorithm>

namespace miniray {

WinogradTiles::WinogradTiles(const Gather& g, std::int64_t tiles)
    : step(g.rows.source_step()),
      taps(g.rows.phase(0).taps / step),
      points((taps + 1) * (taps + 1)),
      columns(g.columns.largest_count() / 2),
      bands(g.images, g.rows.largest_count() / 2, columns, tiles),
      band_tiles(bands.images_each() * bands.rows_each() * columns),
      band_pixels(4 * band_tiles),
      depth(step * step * g.source_channels),
      channels(Bands::parts(g.source_channels, WinogradMaps<float>::kChannels) *
               WinogradMaps<float>::kChannels),
      // A last vector's room, and an odd number of vectors: powers of two would let the rows of a
      // product push each other out of the first cache.
      tile_stride(((Bands::parts(depth, WinogradMaps<float>::kChannels) + 1) | 1) *
                  WinogradMaps<float>::kChannels),
      box_rows(g.rows.reach(2 * bands.rows_each())),
      box_columns(g.columns.reach(2 * columns)) {}

template <class T>
void WinogradSources<T>::fill_box(const Band& band, T* box, T* lines) const {
  const std::int64_t first = g_.rows.lowest_source() + 2 * band.first_row * tiles_.step;
  const std::int64_t row_size = tiles_.box_columns * tiles_.channels;
  for (std::int64_t n = 0; n < band.images; ++n, box += tiles_.box_rows * row_size) {
    for (std::int64_t r = 0; r < tiles_.box_rows; ++r) fill_zeros(first + r, box + r * row_size);
    // All rows of some channels before the next: they follow each other in memory.
    for (std::int64_t c = 0; c < g_.source_channels; c += kChannelsAtOnce) {
      for (std::int64_t r = 0; r < tiles_.box_rows; ++r) {
        fill_row({band.first_image + n, first + r, c}, box + r * row_size + c, lines);
      }
    }
  }
}

// All of a row outside of the source, and of one inside what no fill_row fills.
template <class T>
void WinogradSources<T>::fill_zeros(std::int64_t row, T* to) const {
  const std::int64_t end = tiles_.box_columns * tiles_.channels;
  if (!is_inside(row) || g_.source_channels < tiles_.channels) {
    std::fill_n(to, end, T{0});
  } else {
    std::fill_n(to, columns_.before * tiles_.channels, T{0});
    std::fill(to + (columns_.before + columns_.inside) * tiles_.channels, to + end, T{0});
  }
}

template <class T>
void WinogradSources<T>::fill_row(const RowPlace& place, T* to, T* lines) const {
  if (!is_inside(place.row)) return;
  const std::int64_t extent = g_.columns.source_extent();
  const std::int64_t plane = g_.rows.source_extent() * extent;
  const std::int64_t at = (place.image * g_.source_channels + place.first_channel) * plane +
                          place.row * extent + columns_.first;
  const std::int64_t channels = std::min(kChannelsAtOnce, g_.source_channels - place.first_channel);
  to += columns_.before * tiles_.channels;
  copy_turned(source_, at, channels, plane, columns_.inside, lines, to, tiles_.channels);
}

template <class T>
void WinogradSources<T>::fill_points(const Band& band, const GridPhase& phase, const T* box,
                                     T* points) const {
  const std::int64_t step = tiles_.step, pixel = tiles_.channels;
  const std::int64_t line = tiles_.box_columns * pixel;
  const GridSteps from{step * line, step * pixel, 2 * step * pixel};
  const GridSteps to{(tiles_.taps + 1) * tiles_.point_stride(), tiles_.point_stride(),
                     tiles_.tile_stride};
  const T* const first = box + (phase.rows.first_source - g_.rows.lowest_source()) * line +
                         (phase.columns.first_source - g_.columns.lowest_source()) * pixel;
  for (std::int64_t n = 0; n < band.images; ++n) {
    for (std::int64_t i = 0; i < band.rows; ++i) {
      const T* const row = first + (n * tiles_.box_rows + 2 * i * step) * line;
      for (std::int64_t s = 0; s < step * step; ++s) {
        // What a last vector writes too much, the next source's first one overwrites.
        maps_.sources(tiles_.columns, g_.source_channels, row + s / step * line + s % step * pixel,
                      from, points + s * g_.source_channels, to);
      }
      points += tiles_.columns * tiles_.tile_stride;
    }
  }
}

template class WinogradSources<float>;
template class WinogradSources<double>;

}  // namespace miniray
