#include "engine/kernels/conv_winograd.h"

#include "engine/kernels/gather_panels.h"
#include "engine/kernels/panel_writer.h"
#include "engine/kernels/scratch.h"
#include "engine/kernels/winograd_sources.h"

namespace miniray {
namespace {

constexpr std::int64_t kTiles = 48;       // of a band, about
constexpr std::int64_t kDepth = 384;      // of a chain of multiply-adds, at most
constexpr std::int64_t kSums = 98'304;    // of a piece, about
constexpr std::int64_t kLeastPieces = 8;  // where bands are few
constexpr std::int64_t kLeastChannels = 16;

bool is_winograd(const GatherAxis& axis, std::int64_t taps) {
  for (std::int64_t i = 0; i < axis.phases(); ++i) {
    const GatherPhase phase = axis.phase(i);
    if (phase.count != axis.largest_count() || phase.taps != taps * axis.source_step())
      return false;
  }
  return axis.largest_count() % 2 == 0 && axis.largest_count() > 0;
}

// Target channels in panels, and some of them to a piece of work.
struct PanelCut {
  PanelCut(const Gather& g, const WinogradTiles& tiles, std::int64_t panel_width)
      : width(panel_width),
        panels(Bands::parts(g.target_channels, width)),
        group_panels(Bands::parts(
            panels,
            std::min(panels,
                     std::max(Bands::parts(panels * g.phases() * tiles.band_pixels * width, kSums),
                              Bands::parts(kLeastPieces, tiles.bands.count()))))),
        groups(Bands::parts(panels, group_panels)),
        block_depth(Bands::even_part(tiles.depth, kDepth)) {}

  std::int64_t width, panels;
  std::int64_t group_panels, groups;
  std::int64_t block_depth;
};

template <class T>
class WinogradGather {
 public:
  WinogradGather(const ThreadBudget& threads, const Gather& g, Pictures<const T> source, const T* w,
                 const T* bias, Pictures<T> target)
      : threads_(threads),
        g_(g),
        tiles_(g, kTiles),
        cut_(g, tiles_, kernels_.columns),
        sources_(g, tiles_, source),
        w_(w),
        writer_(g, cut_.width, tiles_.band_pixels, bias, target) {
    take_memory();
  }

  void run() const {
    threads_.for_each_tile_in_slot(cut_.panels,
                                   [&](std::int64_t panel, int slot) { pack_panel(panel, slot); });
    threads_.for_each_tile_in_slot(
        tiles_.bands.count() * cut_.groups, [&](std::int64_t piece, int slot) {
          make_piece(tiles_.bands[piece / cut_.groups], piece % cut_.groups, slot);
        });
  }

 private:
  void take_memory();
  void pack_panel(std::int64_t panel, int slot) const;
  void make_piece(const Band& band, std::int64_t group, int slot) const;
  void multiply_panel(const Band& band, std::int64_t phase, std::int64_t panel, int slot) const;
  void sum_points(const Band& band, const T* products, T* sums) const;

  T* of_thread(int slot, std::size_t offset) const {
    return reinterpret_cast<T*>(own_memory_ + static_cast<std::size_t>(slot) * own_size_ + offset);
  }
  std::int64_t point_weights() const { return cut_.panels * tiles_.depth * cut_.width; }
  T* weights_of(std::int64_t phase, std::int64_t point, std::int64_t panel) const {
    return weights_ + (phase * tiles_.points + point) * point_weights() +
           panel * tiles_.depth * cut_.width;
  }

  const ThreadBudget& threads_;
  const Gather& g_;
  const ConvKernels<T>& kernels_ = conv_kernels<T>();
  const WinogradTiles tiles_;
  const WinogradMaps<T>& maps_ = winograd_maps<T>(tiles_.taps);
  const PanelCut cut_;
  const WinogradSources<T> sources_;
  const T* w_;
  const PanelWriter<T> writer_;

  T* weights_ = nullptr;             // [phase][point][panel][depth][width]
  std::byte* own_memory_ = nullptr;  // of each thread:
  std::size_t box_at_ = 0, points_at_ = 0, products_at_ = 0, sums_at_ = 0, lines_at_ = 0;
  std::size_t own_size_ = 0;
};

template <class T>
void WinogradGather<T>::take_memory() {
  ScratchLayout shared, own;
  const std::size_t weights_at = shared.add<T>(g_.phases() * tiles_.points * point_weights());
  box_at_ = own.add<T>(tiles_.box_size());
  points_at_ = own.add<T>(tiles_.points_size());
  products_at_ = own.add<T>(tiles_.points * tiles_.band_tiles * cut_.width);
  sums_at_ = own.add<T>(cut_.group_panels * g_.phases() * tiles_.band_pixels * cut_.width);
  lines_at_ = own.add<T>(std::max({PanelWriter<T>::lines_size(g_, cut_.width, tiles_.band_pixels),
                                   sources_.lines_size(), g_.taps() * cut_.width}));
  own_size_ = own.size();
  std::byte* const memory =
      threads_.scratch(shared.size() + static_cast<std::size_t>(threads_.threads()) * own_size_);
  weights_ = reinterpret_cast<T*>(memory + weights_at);
  own_memory_ = memory + shared.size();
}

// The points of a panel's kernels, all its columns at once.
template <class T>
void WinogradGather<T>::pack_panel(std::int64_t panel, int slot) const {
  const std::int64_t width = cut_.width;
  T* const taps = of_thread(slot, lines_at_);
  const std::int64_t row = g_.rows.tap_step() * g_.kernel * width;
  const std::int64_t column = g_.columns.tap_step() * width;
  const GridSteps from{tiles_.step * row, tiles_.step * column, 0};
  const GridSteps to{(tiles_.taps + 1) * point_weights(), point_weights(), 0};
  for (std::int64_t c = 0; c < g_.source_channels; ++c) {
    copy_taps(g_, w_, width, panel, c, taps);
    for_each_phase(g_, [&](const GridPhase& phase) {
      const T* const first =
          taps + (phase.rows.first_tap * g_.kernel + phase.columns.first_tap) * width;
      for (std::int64_t s = 0; s < tiles_.step * tiles_.step; ++s) {
        maps_.weights(1, width, first + s / tiles_.step * row + s % tiles_.step * column, from,
                      weights_of(phase.index, 0, panel) + (s * g_.source_channels + c) * width, to);
      }
    });
  }
}

template <class T>
void WinogradGather<T>::make_piece(const Band& band, std::int64_t group, int slot) const {
  T* const box = of_thread(slot, box_at_);
  T* const lines = of_thread(slot, lines_at_);
  T* const sums = of_thread(slot, sums_at_);
  const std::int64_t phase_sums = tiles_.band_pixels * cut_.width;
  const std::int64_t first = group * cut_.group_panels;
  const std::int64_t end = std::min(first + cut_.group_panels, cut_.panels);
  sources_.fill_box(band, box, lines);
  for_each_phase(g_, [&](const GridPhase& phase) {
    sources_.fill_points(band, phase, box, of_thread(slot, points_at_));
    for (std::int64_t panel = first; panel < end; ++panel) {
      multiply_panel(band, phase.index, panel, slot);
      sum_points(band, of_thread(slot, products_at_),
                 sums + ((panel - first) * g_.phases() + phase.index) * phase_sums);
    }
  });
  for (std::int64_t panel = first; panel < end; ++panel) {
    writer_.write(WinogradTiles::pixels_of(band), panel,
                  sums + (panel - first) * g_.phases() * phase_sums, lines);
  }
}

// products [point][tile][width]
template <class T>
void WinogradGather<T>::multiply_panel(const Band& band, std::int64_t phase, std::int64_t panel,
                                       int slot) const {
  for (std::int64_t point = 0; point < tiles_.points; ++point) {
    T* const products = of_thread(slot, products_at_) + point * tiles_.band_tiles * cut_.width;
    for (std::int64_t d = 0; d < tiles_.depth; d += cut_.block_depth) {
      kernels_.multiply_rows(tiles_.tiles_in(band), std::min(cut_.block_depth, tiles_.depth - d),
                             of_thread(slot, points_at_) + point * tiles_.point_stride() + d,
                             tiles_.tile_stride, weights_of(phase, point, panel) + d * cut_.width,
                             d > 0, products);
    }
  }
}

// sums [pixel][width]
template <class T>
void WinogradGather<T>::sum_points(const Band& band, const T* products, T* sums) const {
  const std::int64_t width = cut_.width, point = tiles_.band_tiles * width;
  const GridSteps from{(tiles_.taps + 1) * point, point, width};
  const GridSteps to{2 * tiles_.columns * width, width, 2 * width};
  for (std::int64_t row = 0; row < band.images * band.rows; ++row) {
    maps_.targets(tiles_.columns, width, products + row * tiles_.columns * width, from,
                  sums + row * 4 * tiles_.columns * width, to);
  }
}

}  // namespace

bool is_winograd(const Gather& g) {
  if (std::min(g.source_channels, g.target_channels) < kLeastChannels) return false;
  const std::int64_t taps = g.rows.phase(0).taps / g.rows.source_step();
  return (taps == 2 || taps == 3) && is_winograd(g.rows, taps) && is_winograd(g.columns, taps);
}

template <class T>
void gather_winograd(const ThreadBudget& threads, const Gather& g, Pictures<const T> source,
                     std::span<const T> w, std::span<const T> bias, Pictures<T> target) {
  WinogradGather<T>(threads, g, source, w.data(), bias.empty() ? nullptr : bias.data(), target)
      .run();
}

template void gather_winograd<float>(const ThreadBudget&, const Gather&, Pictures<const float>,
                                     std::span<const float>, std::span<const float>,
                                     Pictures<float>);
template void gather_winograd<double>(const ThreadBudget&, const Gather&, Pictures<const double>,
                                      std::span<const double>, std::span<const double>,
                                      Pictures<double>);

}  // namespace miniray
