#include "engine/kernels/conv_winograd.h"

#include "engine/kernels/gather_panels.h"
#include "engine/kernels/scratch.h"
#include "engine/kernels/winograd_sources.h"

namespace miniray {
namespace {

// Here the depth of x's points are the rows of a product, y's channels its columns, and tiles what
// is summed over: the gradient of each point of the weights.
constexpr std::int64_t kTiles = 96;            // of a band and a chain of multiply-adds, about
constexpr std::int64_t kMaxRows = 96;          // of a piece
constexpr std::int64_t kChunkBytes = 4 << 20;  // of points laid out at a time, about

// A chunk's bands are shared out among parts, each with sums of its own, which are added up in the
// end: a core then mostly reads the points that it laid out. Of so few tiles and so many sums are
// none worth it.
constexpr std::int64_t kMaxParts = 4;
constexpr std::int64_t kPartTiles = 1024;
constexpr std::int64_t kPartsBytes = 8 << 20;

template <class T>
class WinogradWeights {
 public:
  WinogradWeights(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> x,
                  Pictures<const T> y, T* w)
      : threads_(threads),
        g_(gather_of_convolution(shape)),
        tiles_(g_, kTiles),
        x_(g_, tiles_, x),
        y_(y),
        w_(w) {
    take_memory();
  }

  void run() const {
    const std::int64_t count = tiles_.bands.count();
    for (std::int64_t first = 0; first < count; first += chunk_) {
      const std::int64_t bands = std::min(chunk_, count - first);
      threads_.for_each_tile_in_slot(
          bands, [&](std::int64_t i, int slot) { lay_out(tiles_.bands[first + i], i, slot); });
      const std::int64_t part_pieces = tiles_.points * panels_ * row_pieces_;
      threads_.for_each_tile(parts_ * part_pieces, [&](std::int64_t i) {
        const std::int64_t piece = i % part_pieces;
        add_chunk({i / part_pieces, first, bands}, piece / row_pieces_,
                  piece % row_pieces_ * piece_rows_);
      });
    }
    threads_.for_each_tile_in_slot(
        panels_, [&](std::int64_t panel, int slot) { add_to_weights(panel, own(slot)); });
  }

 private:
  void take_memory();
  void lay_out(const Band& band, std::int64_t place, int slot) const;
  void fill_gradient_points(const Band& band, std::int64_t panel, T* points, T* own) const;
  struct ChunkPart {
    std::int64_t part, first_band, bands;  // these of the chunk's
  };
  void add_chunk(const ChunkPart& part, std::int64_t point_panel, std::int64_t row) const;
  void add_parts(T* sums) const;
  void add_to_weights(std::int64_t panel, T* own) const;

  T* own(int slot) const { return own_memory_ + slot * own_size_; }
  std::int64_t y_point_size() const { return panels_ * tiles_.band_tiles * width_; }
  std::int64_t sums_size() const { return tiles_.depth * width_; }  // of a point and panel
  std::int64_t part_size() const { return tiles_.points * panels_ * sums_size(); }

  const ThreadBudget& threads_;
  const Gather g_;
  const ConvKernels<T>& kernels_ = conv_kernels<T>();
  const std::int64_t width_ = kernels_.columns;
  const std::int64_t panels_ = Bands::parts(g_.target_channels, width_);
  const WinogradTiles tiles_;
  const WinogradMaps<T>& maps_ = winograd_maps<T>(tiles_.taps);
  const WinogradSources<T> x_;
  const Pictures<const T> y_;
  T* w_;

  std::int64_t piece_rows_ = 0, row_pieces_ = 0;
  std::int64_t chunk_ = 0;  // bands laid out at a time
  std::int64_t parts_ = 0;
  T* x_points_ = nullptr;    // [band][point][tile][depth, tile_stride]
  T* y_points_ = nullptr;    // [band][point][panel][tile][width]
  T* sums_ = nullptr;        // [part][point][panel][depth][width]
  T* own_memory_ = nullptr;  // of each thread: a box or y's pixels, and lines
  std::int64_t own_size_ = 0, box_size_ = 0;
};

template <class T>
void WinogradWeights<T>::take_memory() {
  constexpr std::int64_t kUnit = 24;  // whole tiles on every target
  piece_rows_ = std::min(kMaxRows, Bands::parts(tiles_.depth, kUnit) * kUnit);
  row_pieces_ = Bands::parts(tiles_.depth, piece_rows_);
  const std::int64_t band_size = tiles_.points_size() + tiles_.points * y_point_size();
  constexpr std::int64_t kSize = sizeof(T);
  const std::int64_t count = tiles_.bands.count();
  parts_ = std::clamp<std::int64_t>(
      std::min(count * tiles_.band_tiles / kPartTiles, kPartsBytes / (part_size() * kSize)), 1,
      std::min(kMaxParts, count));
  chunk_ = std::clamp<std::int64_t>(kChunkBytes / (band_size * kSize), parts_, count);
  const std::int64_t taps = g_.taps() * width_;
  box_size_ = std::max({tiles_.box_size(), tiles_.band_pixels * width_, taps});
  own_size_ =
      box_size_ + std::max(x_.lines_size(), y_.is_rounded() ? width_ * tiles_.band_pixels : 0);
  ScratchLayout layout;
  const std::size_t x_at = layout.add<T>(chunk_ * tiles_.points_size());
  const std::size_t y_at = layout.add<T>(chunk_ * tiles_.points * y_point_size());
  const std::size_t sums_at = layout.add<T>(parts_ * part_size());
  const std::size_t own_at = layout.add<T>(threads_.threads() * own_size_);
  std::byte* const memory = threads_.scratch(layout.size());
  x_points_ = reinterpret_cast<T*>(memory + x_at);
  y_points_ = reinterpret_cast<T*>(memory + y_at);
  sums_ = reinterpret_cast<T*>(memory + sums_at);
  own_memory_ = reinterpret_cast<T*>(memory + own_at);
}

template <class T>
void WinogradWeights<T>::lay_out(const Band& band, std::int64_t place, int slot) const {
  x_.fill_box(band, own(slot), own(slot) + box_size_);
  for_each_phase(g_, [&](const GridPhase& phase) {
    x_.fill_points(band, phase, own(slot), x_points_ + place * tiles_.points_size());
  });
  for (std::int64_t panel = 0; panel < panels_; ++panel) {
    fill_gradient_points(
        band, panel,
        y_points_ + place * tiles_.points * y_point_size() + panel * tiles_.band_tiles * width_,
        own(slot));
  }
}

// y of a band and a panel: pixels first, [pixel][width], then points; zeros past the last channel.
template <class T>
void WinogradWeights<T>::fill_gradient_points(const Band& band, std::int64_t panel, T* points,
                                              T* own) const {
  const std::int64_t columns = g_.columns.target_extent();
  copy_panel<T>({g_.target_channels, g_.rows.target_extent(), columns}, y_,
                WinogradTiles::pixels_of(band), panel, width_, own + box_size_, own);
  const GridSteps from{columns * width_, width_, 2 * width_};
  const GridSteps to{(tiles_.taps + 1) * y_point_size(), y_point_size(), width_};
  for (std::int64_t row = 0; row < band.images * band.rows; ++row) {
    maps_.target_gradients(tiles_.columns, width_, own + row * 2 * columns * width_, from,
                           points + row * tiles_.columns * width_, to);
  }
}

template <class T>
void WinogradWeights<T>::add_chunk(const ChunkPart& part, std::int64_t point_panel,
                                   std::int64_t row) const {
  const std::int64_t point = point_panel / panels_, panel = point_panel % panels_;
  const std::int64_t begin = part.part * part.bands / parts_;
  const std::int64_t end = (part.part + 1) * part.bands / parts_;
  T* const sums = sums_ + part.part * part_size() + point_panel * sums_size() + row * width_;
  for (std::int64_t i = begin; i < end; ++i) {
    kernels_.multiply_columns(
        std::min(piece_rows_, tiles_.depth - row),
        tiles_.tiles_in(tiles_.bands[part.first_band + i]),
        x_points_ + i * tiles_.points_size() + point * tiles_.point_stride() + row,
        tiles_.tile_stride,
        y_points_ + (i * tiles_.points + point) * y_point_size() +
            panel * tiles_.band_tiles * width_,
        part.first_band + i > begin, sums);
  }
}

// The first part's sums of a panel and a point += the others'.
template <class T>
void WinogradWeights<T>::add_parts(T* sums) const {
  for (std::int64_t part = 1; part < parts_; ++part) {
    const T* const others = sums + part * part_size();
    for (std::int64_t i = 0; i < sums_size(); ++i) sums[i] += others[i];
  }
}

template <class T>
void WinogradWeights<T>::add_to_weights(std::int64_t panel, T* taps) const {
  const std::int64_t point = panels_ * sums_size(), step = tiles_.step;
  T* const sums = sums_ + panel * sums_size();
  for (std::int64_t p = 0; p < tiles_.points; ++p) add_parts(sums + p * point);
  const GridSteps from{(tiles_.taps + 1) * point, point, 0};
  const std::int64_t row = g_.kernel * width_;
  const GridSteps to{step * row, step * width_, 0};
  for (std::int64_t c = 0; c < g_.source_channels; ++c) {
    for (std::int64_t s = 0; s < step * step; ++s) {
      maps_.weight_gradients(1, width_,
                             sums_ + panel * sums_size() + (s * g_.source_channels + c) * width_,
                             from, taps + s / step * row + s % step * width_, to);
    }
    for (std::int64_t o = 0; o < panel_channels(g_, width_, panel); ++o) {
      T* const w = w_ + (panel * width_ + o) * g_.w_target_stride + c * g_.w_source_stride;
      for (std::int64_t t = 0; t < g_.taps(); ++t) w[t] += taps[t * width_ + o];
    }
  }
}

}  // namespace

template <class T>
void winograd_weights_add(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> x,
                          Pictures<const T> y, std::span<T> w) {
  WinogradWeights<T>(threads, shape, x, y, w.data()).run();
}

template void winograd_weights_add<float>(const ThreadBudget&, const ConvShape&,
                                          Pictures<const float>, Pictures<const float>,
                                          std::span<float>);
template void winograd_weights_add<double>(const ThreadBudget&, const ConvShape&,
                                           Pictures<const double>, Pictures<const double>,
                                           std::span<double>);

}  // namespace miniray
