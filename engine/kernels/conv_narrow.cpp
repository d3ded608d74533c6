#include "engine/kernels/conv_narrow.h"

#include <algorithm>

#include "engine/kernels/conv_bands.h"
#include "engine/kernels/conv_phase.h"
#include "engine/kernels/conv_tiles.h"
#include "engine/kernels/scratch.h"

namespace miniray {
namespace {

constexpr std::int64_t kDepth = 256;   // taps in a chain of multiply-adds, about
constexpr std::int64_t kPixels = 256;  // of a band and phase, about

// A band's source stands in a padded box whose rows follow each other, so a vector of pixels may
// run over the end of a row: what it finds there belongs to no pixel and is never written. So every
// tap of every vector is one load from the box at a fixed distance.
template <class T>
class NarrowRun {
 public:
  NarrowRun(const ThreadBudget& threads, const Gather& g, Pictures<const T> source, const T* w,
            const T* bias, Pictures<T> target)
      : threads_(threads),
        g_(g),
        bands_(g.images, g.rows.largest_count(), g.columns.largest_count(), kPixels),
        block_channels_(Bands::even_part(g.source_channels, kDepth * g.phases() / g.taps())),
        box_rows_(g.rows.reach(bands_.rows_each())),
        box_columns_(g.columns.reach(g.columns.largest_count())),
        lines_(Bands::parts(bands_.rows_each() * box_columns_, kernels_.pixel_block) *
               kernels_.pixel_block),
        source_(source),
        w_(w),
        bias_(bias),
        target_(target) {
    take_memory();
  }

  void run() const {
    pack_weights();
    fill_steps();
    threads_.for_each_tile_in_slot(bands_.count(), [&](std::int64_t index, int slot) {
      const Band band = bands_[index];
      for (std::int64_t n = 0; n < band.images; ++n) {
        make_rows({band.first_image + n, 1, band.first_row, band.rows}, slot);
      }
    });
  }

 private:
  void take_memory();
  void pack_weights() const;
  void fill_steps() const;
  void make_rows(const Band& band, int slot) const;
  void add_block(const Band& band, std::int64_t first_channel, int slot) const;
  void write_rows(const Band& band, std::int64_t row_phase, int slot) const;
  void write_row(const T* sums, T* to) const;

  std::int64_t box_plane() const { return box_rows_ * box_columns_; }
  T* box_of(int slot) const { return own_ + slot * own_size_; }
  T* sums_of(int slot) const { return box_of(slot) + box_size_; }

  const ThreadBudget& threads_;
  const Gather& g_;
  const ConvKernels<T>& kernels_ = conv_kernels<T>();
  const Bands bands_;
  const std::int64_t block_channels_;  // source channels in one chain
  const std::int64_t box_rows_, box_columns_;
  const std::int64_t lines_;  // pixels that sums have room for, those of no pixel included
  const Pictures<const T> source_;
  const T *w_, *bias_;
  const Pictures<T> target_;

  T* weights_ = nullptr;           // [phase][source channel, taps][target channel]
  std::int32_t* steps_ = nullptr;  // [phase][channel of a block, taps], in a box
  T* own_ = nullptr;               // of each thread: a box, sums [phase][target channel][lines_]
  std::int64_t box_size_ = 0, own_size_ = 0;
};

template <class T>
void NarrowRun<T>::take_memory() {
  constexpr std::int64_t kAligned = 64 / sizeof(T);
  // The last pixels' vectors read behind the box. A row to be rounded stands there, too.
  const std::int64_t box = block_channels_ * box_plane() + lines_ + box_columns_;
  box_size_ = Bands::parts(std::max(box, g_.columns.target_extent()), kAligned) * kAligned;
  own_size_ = box_size_ + g_.phases() * g_.target_channels * lines_;
  ScratchLayout layout;
  const std::size_t weights_at = layout.add<T>(g_.target_channels * g_.source_channels * g_.taps());
  const std::size_t steps_at = layout.add<std::int32_t>(block_channels_ * g_.taps());
  const std::size_t own_at = layout.add<T>(threads_.threads() * own_size_);
  std::byte* const all = threads_.scratch(layout.size());
  weights_ = reinterpret_cast<T*>(all + weights_at);
  steps_ = reinterpret_cast<std::int32_t*>(all + steps_at);
  own_ = reinterpret_cast<T*>(all + own_at);
}

template <class T>
void NarrowRun<T>::pack_weights() const {
  T* to = weights_;
  for_each_phase(g_, [&](const GridPhase& phase) {
    for (std::int64_t c = 0; c < g_.source_channels; ++c) {
      for (std::int64_t tap = 0; tap < phase.taps(); ++tap) {
        const std::int64_t i = tap / phase.columns.taps, j = tap % phase.columns.taps;
        const T* const from = w_ + c * g_.w_source_stride +
                              (phase.rows.first_tap + i * g_.rows.tap_step()) * g_.kernel +
                              phase.columns.first_tap + j * g_.columns.tap_step();
        for (std::int64_t t = 0; t < g_.target_channels; ++t) *to++ = from[t * g_.w_target_stride];
      }
    }
  });
}

// From the box's place of a pixel, as if the lowest source were the phase's first.
template <class T>
void NarrowRun<T>::fill_steps() const {
  std::int32_t* step = steps_;
  for_each_phase(g_, [&](const GridPhase& phase) {
    const std::int64_t row = phase.rows.first_source - g_.rows.lowest_source();
    const std::int64_t column = phase.columns.first_source - g_.columns.lowest_source();
    for (std::int64_t c = 0; c < block_channels_; ++c) {
      for (std::int64_t i = 0; i < phase.rows.taps; ++i) {
        for (std::int64_t j = 0; j < phase.columns.taps; ++j) {
          *step++ =
              static_cast<std::int32_t>(c * box_plane() + (row + i) * box_columns_ + column + j);
        }
      }
    }
  });
}

template <class T>
void NarrowRun<T>::make_rows(const Band& band, int slot) const {
  for (std::int64_t c = 0; c < g_.source_channels; c += block_channels_) add_block(band, c, slot);
  for (std::int64_t phase = 0; phase < g_.rows.phases(); ++phase) write_rows(band, phase, slot);
}

// Adds what a block of source channels gives, or begins with it. A few pixels meet all taps of all
// phases while their part of the box is in the first cache.
template <class T>
void NarrowRun<T>::add_block(const Band& band, std::int64_t first_channel, int slot) const {
  const std::int64_t channels = std::min(block_channels_, g_.source_channels - first_channel);
  T* const box = box_of(slot);
  copy_padded<T>(
      {g_.source_channels, g_.rows.source_extent(), g_.columns.source_extent()}, source_,
      {band.first_image, 1, first_channel, channels, g_.rows.lowest_source() + band.first_row,
       box_rows_, g_.columns.lowest_source(), box_columns_},
      box_plane(), box);
  const std::int64_t pixels = band.rows * box_columns_;
  for (std::int64_t first = 0; first < pixels; first += kernels_.pixel_block) {
    const T* weights = weights_;
    const std::int32_t* steps = steps_;
    T* sums = sums_of(slot) + first;
    for_each_phase(g_, [&](const GridPhase& phase) {
      const std::int64_t taps = phase.taps();
      kernels_.multiply_pixels(g_.target_channels, channels * taps, steps, box + first,
                               weights + first_channel * taps * g_.target_channels,
                               first_channel > 0, sums, lines_);
      weights += g_.source_channels * taps * g_.target_channels;
      steps += block_channels_ * taps;
      sums += g_.target_channels * lines_;
    });
  }
}

// From sums [column phase][target channel][lines_] of a row phase.
template <class T>
void NarrowRun<T>::write_rows(const Band& band, std::int64_t row_phase, int slot) const {
  const T* const sums =
      sums_of(slot) + row_phase * g_.columns.phases() * g_.target_channels * lines_;
  const GatherPhase phase = g_.rows.phase(row_phase);
  const std::int64_t rows = std::clamp<std::int64_t>(phase.count - band.first_row, 0, band.rows);
  const std::int64_t first = phase.first_target + band.first_row * g_.rows.target_step();
  const std::int64_t width = g_.columns.target_extent();
  for (std::int64_t t = 0; t < g_.target_channels; ++t) {
    const std::int64_t plane = band.first_image * g_.target_channels + t;
    const std::int64_t at = (plane * g_.rows.target_extent() + first) * width;
    const T* const lines = sums + t * lines_;
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t row_at = at + i * g_.rows.target_step() * width;
      const bool rounds = target_.is_rounded();
      T* const row = rounds ? box_of(slot) : target_.exact().data() + row_at;
      write_row(lines + i * box_columns_, row);
      if (bias_ != nullptr) {
        for (std::int64_t j = 0; j < width; ++j) row[j] += bias_[t];
      }
      if (rounds) round_block(1, width, row, 0, target_.rounded(), row_at, 0);
    }
  }
}

template <class T>
void NarrowRun<T>::write_row(const T* sums, T* to) const {
  const std::int64_t phase_size = g_.target_channels * lines_;
  const std::int64_t phases = g_.columns.phases(), step = g_.columns.target_step();
  const GatherPhase first = g_.columns.phase(0);
  if (phases == 2 && 2 * first.count == g_.columns.target_extent()) {
    const bool in_order = first.first_target == 0;
    return kernels_.interleave(1, first.count, sums + (in_order ? 0 : phase_size),
                               sums + (in_order ? phase_size : 0), to, 0);
  }
  for (std::int64_t p = 0; p < phases; ++p) {
    const GatherPhase phase = g_.columns.phase(p);
    const T* const from = sums + p * phase_size;
    for (std::int64_t j = 0; j < phase.count; ++j) to[phase.first_target + j * step] = from[j];
  }
}

}  // namespace

bool is_narrow(const Gather& g) {
  constexpr std::int64_t kFewestColumns = 8;  // shorter rows are mostly padding
  return g.target_channels <= kMostNarrowChannels && g.rows.source_step() == 1 &&
         g.columns.source_step() == 1 && g.columns.largest_count() >= kFewestColumns;
}

template <class T>
void gather_narrow(const ThreadBudget& threads, const Gather& g, Pictures<const T> source,
                   std::span<const T> w, std::span<const T> bias, Pictures<T> target) {
  NarrowRun<T>(threads, g, source, w.data(), bias.empty() ? nullptr : bias.data(), target).run();
}

template void gather_narrow<float>(const ThreadBudget&, const Gather&, Pictures<const float>,
                                   std::span<const float>, std::span<const float>, Pictures<float>);
template void gather_narrow<double>(const ThreadBudget&, const Gather&, Pictures<const double>,
                                    std::span<const double>, std::span<const double>,
                                    Pictures<double>);

}  // namespace miniray
