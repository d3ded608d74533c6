#include "engine/kernels/conv_gather.h"

#include "engine/kernels/conv_bands.h"
#include "engine/kernels/conv_narrow.h"
#include "engine/kernels/conv_phase.h"
#include "engine/kernels/conv_pointwise.h"
#include "engine/kernels/conv_tiles.h"
#include "engine/kernels/conv_winograd.h"
#include "engine/kernels/gather_panels.h"
#include "engine/kernels/panel_writer.h"
#include "engine/kernels/scratch.h"

namespace miniray {
namespace {

// Weights of one chain of multiply-adds stay in the first cache while the pixels of a band pass by;
// the sums of a piece stay in the second.
constexpr std::int64_t kDepth = 256;    // taps in a chain, about
constexpr std::int64_t kPixels = 192;   // of a band and phase, about
constexpr std::int64_t kSums = 49'152;  // of a piece, about

// How a gather is cut, by its shape and the width of a panel alone. A piece of work is a band and a
// few panels of target channels.
struct GatherCut {
  GatherCut(const Gather& g, std::int64_t panel_width)
      : width(panel_width),
        phases(g.phases()),
        panels(Bands::parts(g.target_channels, width)),
        bands(g.images, g.rows.largest_count(), g.columns.largest_count(), kPixels),
        band_pixels(bands.images_each() * bands.rows_each() * g.columns.largest_count()),
        piece_panels(Bands::even_part(panels, kSums / (phases * band_pixels * width))),
        block_channels(Bands::even_part(g.source_channels, kDepth * phases / g.taps())),
        box_rows(g.rows.reach(bands.rows_each())),
        box_columns(g.columns.reach(g.columns.largest_count())) {}

  std::int64_t piece_columns() const { return Bands::parts(panels, piece_panels); }
  std::int64_t pieces() const { return bands.count() * piece_columns(); }
  std::int64_t box_plane() const { return box_rows * box_columns; }

  std::int64_t width;
  std::int64_t phases;
  std::int64_t panels;
  Bands bands;
  std::int64_t band_pixels;  // at most, of one phase
  std::int64_t piece_panels;
  std::int64_t block_channels;  // source channels in one chain
  std::int64_t box_rows, box_columns;
};

// The working memory of a gather: some shared, some of each thread.
template <class T>
struct GatherMemory {
  GatherMemory(const ThreadBudget& threads, const Gather& g, const GatherCut& cut) {
    ScratchLayout shared, own;
    const std::size_t weights_at =
        shared.add<T>(cut.panels * cut.width * g.source_channels * g.taps());
    const std::size_t pixels_at = shared.add<std::int32_t>(cut.phases * cut.band_pixels);
    const std::size_t taps_at = shared.add<std::int32_t>(cut.block_channels * g.taps());
    padded_at = own.add<T>(cut.bands.images_each() * cut.block_channels * cut.box_plane());
    sums_at = own.add<T>(cut.piece_panels * cut.phases * cut.band_pixels * cut.width);
    lines_at = own.add<T>(
        std::max(PanelWriter<T>::lines_size(g, cut.width, cut.band_pixels), g.taps() * cut.width));
    own_size = own.size();
    std::byte* const all =
        threads.scratch(shared.size() + static_cast<std::size_t>(threads.threads()) * own_size);
    weights = reinterpret_cast<T*>(all + weights_at);
    pixel_offsets = reinterpret_cast<std::int32_t*>(all + pixels_at);
    tap_offsets = reinterpret_cast<std::int32_t*>(all + taps_at);
    own_memory = all + shared.size();
  }
  T* of_thread(int slot, std::size_t offset) const {
    return reinterpret_cast<T*>(own_memory + static_cast<std::size_t>(slot) * own_size + offset);
  }

  T* weights;                   // [phase][panel][source channel, taps][width]
  std::int32_t* pixel_offsets;  // [phase][pixel of a band], in a padded box
  std::int32_t* tap_offsets;    // [phase][channel of a block, taps]
  std::byte* own_memory;
  std::size_t padded_at, sums_at, lines_at, own_size;
};

template <class T>
class GatherRun {
 public:
  GatherRun(const ThreadBudget& threads, const Gather& g, Pictures<const T> source, const T* w,
            const T* bias, Pictures<T> target)
      : threads_(threads),
        g_(g),
        cut_(g, kernels_.columns),
        memory_(threads, g, cut_),
        source_(source),
        w_(w),
        writer_(g, cut_.width, cut_.band_pixels, bias, target) {}

  void run() const {
    pack_weights();
    fill_offsets();
    threads_.for_each_tile_in_slot(cut_.pieces(), [&](std::int64_t piece, int slot) {
      const std::int64_t first_panel = piece % cut_.piece_columns() * cut_.piece_panels;
      make_piece({cut_.bands[piece / cut_.piece_columns()], first_panel,
                  std::min(cut_.piece_panels, cut_.panels - first_panel), slot});
    });
  }

 private:
  struct Piece {
    Band band;
    std::int64_t first_panel, panels;
    int slot;
  };

  void pack_weights() const;
  void pack_channel(std::int64_t panel, std::int64_t channel, T* taps) const;
  void fill_offsets() const;
  void make_piece(const Piece& piece) const;
  void add_block(const Piece& piece, std::int64_t first_channel) const;

  T* sums_of(const Piece& piece, std::int64_t panel, std::int64_t phase) const {
    return memory_.of_thread(piece.slot, memory_.sums_at) +
           ((panel - piece.first_panel) * cut_.phases + phase) * cut_.band_pixels * cut_.width;
  }

  const ThreadBudget& threads_;
  const Gather& g_;
  const ConvKernels<T>& kernels_ = conv_kernels<T>();
  const GatherCut cut_;
  const GatherMemory<T> memory_;
  const Pictures<const T> source_;
  const T* w_;
  const PanelWriter<T> writer_;
};

template <class T>
void GatherRun<T>::pack_weights() const {
  threads_.for_each_tile_in_slot(cut_.panels, [&](std::int64_t panel, int slot) {
    for (std::int64_t c = 0; c < g_.source_channels; ++c) {
      pack_channel(panel, c, memory_.of_thread(slot, memory_.lines_at));
    }
  });
}

// The taps of one source channel, all columns of a panel at once.
template <class T>
void GatherRun<T>::pack_channel(std::int64_t panel, std::int64_t channel, T* taps) const {
  const std::int64_t width = cut_.width;
  copy_taps(g_, w_, width, panel, channel, taps);
  T* weights = memory_.weights;
  for_each_phase(g_, [&](const GridPhase& phase) {
    const std::int64_t panel_taps = g_.source_channels * phase.taps();
    T* to = weights + (panel * panel_taps + channel * phase.taps()) * width;
    for (std::int64_t i = 0; i < phase.rows.taps; ++i) {
      const T* const row = taps + ((phase.rows.first_tap + i * g_.rows.tap_step()) * g_.kernel +
                                   phase.columns.first_tap) *
                                      width;
      kernels_.copy_rows(phase.columns.taps, width, row, g_.columns.tap_step() * width, to, width);
      to += phase.columns.taps * width;
    }
    weights += cut_.panels * panel_taps * width;
  });
}

// In a box [image][channel of a block][row][column] that begins at the lowest source.
template <class T>
void GatherRun<T>::fill_offsets() const {
  std::int32_t* tap = memory_.tap_offsets;
  for_each_phase(g_, [&](const GridPhase& phase) {
    for (std::int64_t c = 0; c < cut_.block_channels; ++c) {
      for (std::int64_t i = 0; i < phase.rows.taps; ++i) {
        for (std::int64_t j = 0; j < phase.columns.taps; ++j) {
          *tap++ = static_cast<std::int32_t>(c * cut_.box_plane() + i * cut_.box_columns + j);
        }
      }
    }
    std::int32_t* pixel = memory_.pixel_offsets + phase.index * cut_.band_pixels;
    const std::int64_t row = phase.rows.first_source - g_.rows.lowest_source();
    const std::int64_t column = phase.columns.first_source - g_.columns.lowest_source();
    const std::int64_t rows = std::min(phase.rows.count, cut_.bands.rows_each());
    for (std::int64_t n = 0; n < cut_.bands.images_each(); ++n) {
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < phase.columns.count; ++j) {
          *pixel++ =
              static_cast<std::int32_t>(n * cut_.block_channels * cut_.box_plane() +
                                        (row + i * g_.rows.source_step()) * cut_.box_columns +
                                        column + j * g_.columns.source_step());
        }
      }
    }
  });
}

template <class T>
void GatherRun<T>::make_piece(const Piece& piece) const {
  for (std::int64_t c = 0; c < g_.source_channels; c += cut_.block_channels) add_block(piece, c);
  for (std::int64_t panel = piece.first_panel; panel < piece.first_panel + piece.panels; ++panel) {
    writer_.write(piece.band, panel, sums_of(piece, panel, 0),
                  memory_.of_thread(piece.slot, memory_.lines_at));
  }
}

// Adds what a block of source channels gives to the piece's sums, or begins them.
template <class T>
void GatherRun<T>::add_block(const Piece& piece, std::int64_t first_channel) const {
  const Band& band = piece.band;
  const std::int64_t channels = std::min(cut_.block_channels, g_.source_channels - first_channel);
  T* const padded = memory_.of_thread(piece.slot, memory_.padded_at);
  // Every channel of a block has its place, so that offsets are the same for the last block.
  copy_padded<T>({g_.source_channels, g_.rows.source_extent(), g_.columns.source_extent()}, source_,
                 {band.first_image, band.images, first_channel, channels,
                  g_.rows.lowest_source() + band.first_row * g_.rows.source_step(), cut_.box_rows,
                  g_.columns.lowest_source(), cut_.box_columns},
                 cut_.block_channels * cut_.box_plane(), padded);
  const T* weights = memory_.weights;
  const std::int32_t* taps = memory_.tap_offsets;
  for_each_phase(g_, [&](const GridPhase& phase) {
    const std::int64_t panel_size = g_.source_channels * phase.taps() * cut_.width;
    for (std::int64_t p = piece.first_panel; p < piece.first_panel + piece.panels; ++p) {
      kernels_.multiply(phase.pixels_in(band),
                        memory_.pixel_offsets + phase.index * cut_.band_pixels,
                        channels * phase.taps(), taps, padded,
                        weights + p * panel_size + first_channel * phase.taps() * cut_.width,
                        first_channel > 0, sums_of(piece, p, phase.index));
    }
    weights += cut_.panels * panel_size;
    taps += cut_.block_channels * phase.taps();
  });
}

}  // namespace

template <class T>
void gather(const ThreadBudget& threads, const Gather& g, Pictures<const T> source,
            std::span<const T> w, std::span<const T> bias, Pictures<T> target) {
  if (is_narrow(g)) return gather_narrow<T>(threads, g, source, w, bias, target);
  if (is_pointwise(g) && !source.is_rounded() && !target.is_rounded()) {
    return gather_pointwise<T>(threads, g, source.exact(), w, bias, target.exact());
  }
  if (is_winograd(g)) return gather_winograd<T>(threads, g, source, w, bias, target);
  GatherRun<T>(threads, g, source, w.data(), bias.empty() ? nullptr : bias.data(), target).run();
}

template void gather<float>(const ThreadBudget&, const Gather&, Pictures<const float>,
                            std::span<const float>, std::span<const float>, Pictures<float>);
template void gather<double>(const ThreadBudget&, const Gather&, Pictures<const double>,
                             std::span<const double>, std::span<const double>, Pictures<double>);

}  // namespace miniray
