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
      // Powers of two would let the rows of a product push each other out of the first cache.
      tile_stride(depth + 2 * WinogradMaps<float>::kChannels -
                  depth % WinogradMaps<float>::kChannels),
      box_rows(g.rows.reach(2 * bands.rows_each())),
      box_columns(g.columns.reach(2 * columns)) {}

template <class T>
void WinogradSources<T>::fill_box(const Band& band, T* box, T* lines) const {
  const std::int64_t first = g_.rows.lowest_source() + 2 * band.first_row * tiles_.step;
  for (std::int64_t n = 0; n < band.images; ++n) {
    for (std::int64_t r = 0; r < tiles_.box_rows; ++r) {
      fill_row(band.first_image + n, first + r, box, lines);
      box += tiles_.box_columns * tiles_.channels;
    }
  }
}

template <class T>
void WinogradSources<T>::fill_row(std::int64_t image, std::int64_t row, T* to, T* lines) const {
  const std::int64_t extent = g_.columns.source_extent(), lowest = g_.columns.lowest_source();
  const std::int64_t left = std::clamp<std::int64_t>(-lowest, 0, tiles_.box_columns);
  const std::int64_t first = std::max<std::int64_t>(0, lowest);
  const std::int64_t inside =
      row < 0 || row >= g_.rows.source_extent()
          ? 0
          : std::clamp<std::int64_t>(extent - first, 0, tiles_.box_columns - left);
  if (inside == 0 || g_.source_channels < tiles_.channels) {
    std::fill_n(to, tiles_.box_columns * tiles_.channels, T{0});
  } else {
    std::fill_n(to, left * tiles_.channels, T{0});
    std::fill(to + (left + inside) * tiles_.channels, to + tiles_.box_columns * tiles_.channels,
              T{0});
  }
  if (inside == 0) return;
  const std::int64_t plane = g_.rows.source_extent() * extent;
  const std::int64_t at = image * g_.source_channels * plane + row * extent + first;
  to += left * tiles_.channels;
  if (source_.is_rounded()) {
    widen_block(g_.source_channels, inside, source_.rounded(), at, plane, lines, inside);
    kernels_.transpose(g_.source_channels, inside, lines, inside, to, tiles_.channels);
  } else {
    kernels_.transpose(g_.source_channels, inside, source_.exact().data() + at, plane, to,
                       tiles_.channels);
  }
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
