#include "engine/kernels/panel_writer.h"

#include "engine/kernels/conv_phase.h"
#include "engine/kernels/gather_panels.h"
#include "engine/kernels/reduce.h"

namespace miniray {

template <class T>
void PanelWriter<T>::write(const Band& band, std::int64_t panel, T* sums, T* lines) const {
  const std::int64_t channels = panel_channels(g_, width_, panel);
  for_each_phase(g_, [&](const GridPhase& phase) {
    T* const of_phase = sums + phase.index * band_pixels_ * width_;
    const std::int64_t pixels = phase.pixels_in(band);
    if (bias_ != nullptr) {
      reduce<T>().add_to_rows({pixels, channels, width_}, bias_ + panel * width_, of_phase);
    }
    if (g_.phases() == 1) return write_whole(band, panel, of_phase, lines);
    kernels_.transpose(pixels, channels, of_phase, width_,
                       lines + phase.index * band_pixels_ * width_, band_pixels_);
  });
  if (g_.phases() == 1) return;
  // By now the sums stand in the lines.
  for (std::int64_t r = 0; r < g_.rows.phases(); ++r) write_rows(band, panel, r, lines, sums);
}

// Where there is one phase, a band's rows of a channel lie together in the target.
template <class T>
void PanelWriter<T>::write_whole(const Band& band, std::int64_t panel, const T* sums,
                                 T* lines) const {
  const std::int64_t columns = g_.columns.target_extent();
  const std::int64_t plane = g_.rows.target_extent() * columns;
  const std::int64_t pixels = band.rows * columns;
  const std::int64_t channels = panel_channels(g_, width_, panel);
  for (std::int64_t n = 0; n < band.images; ++n) {
    const std::int64_t channel = (band.first_image + n) * g_.target_channels + panel * width_;
    const std::int64_t first = channel * plane + band.first_row * columns;
    const bool rounds = target_.is_rounded();
    T* const to = rounds ? lines : target_.exact().data() + first;
    kernels_.transpose(pixels, channels, sums + n * pixels * width_, width_, to,
                       rounds ? pixels : plane);
    if (rounds) round_block(channels, pixels, to, pixels, target_.rounded(), first, plane);
  }
}

// The targets of a row phase, from lines [phase][channel of a panel][pixel].
template <class T>
void PanelWriter<T>::write_rows(const Band& band, std::int64_t panel, std::int64_t row_phase,
                                const T* lines, T* joined) const {
  const GatherPhase phase = g_.rows.phase(row_phase);
  const std::int64_t rows = GridPhase{0, phase, first_column_}.rows_in(band);
  const std::int64_t first = phase.first_target + band.first_row * g_.rows.target_step();
  const T* const of_phase = lines + row_phase * g_.columns.phases() * band_pixels_ * width_;
  for (std::int64_t n = 0; n < band.images; ++n) {
    const std::int64_t image = (band.first_image + n) * g_.target_channels;
    for (std::int64_t c = 0; c < panel_channels(g_, width_, panel); ++c) {
      const std::int64_t plane = image + panel * width_ + c;
      const std::int64_t columns = g_.columns.target_extent();
      const std::int64_t at = (plane * g_.rows.target_extent() + first) * columns;
      const std::int64_t stride = g_.rows.target_step() * columns;
      const T* const from = of_phase + c * band_pixels_;
      if (target_.is_rounded()) {
        join_columns(n * rows, rows, from, joined, columns);
        round_block(rows, columns, joined, columns, target_.rounded(), at, stride);
      } else {
        join_columns(n * rows, rows, from, target_.exact().data() + at, stride);
      }
    }
  }
}

// Rows of a target, from the lines of each column phase behind the first `skipped`.
template <class T>
void PanelWriter<T>::join_columns(std::int64_t skipped, std::int64_t rows, const T* lines, T* to,
                                  std::int64_t to_stride) const {
  const std::int64_t phases = g_.columns.phases(), step = g_.columns.target_step();
  const std::int64_t phase_size = band_pixels_ * width_;
  const std::int64_t count = first_column_.count;
  if (phases == 2 && 2 * count == g_.columns.target_extent()) {
    const T* const a = lines + skipped * count;
    const T* const b = a + phase_size;
    const bool in_order = first_column_.first_target == 0;
    return kernels_.interleave(rows, count, in_order ? a : b, in_order ? b : a, to, to_stride);
  }
  for (std::int64_t p = 0; p < phases; ++p) {
    const GatherPhase phase = g_.columns.phase(p);
    const T* from = lines + p * phase_size + skipped * phase.count;
    for (std::int64_t i = 0; i < rows; ++i) {
      T* const row = to + i * to_stride + phase.first_target;
      for (std::int64_t j = 0; j < phase.count; ++j) row[j * step] = *from++;
    }
  }
}

template class PanelWriter<float>;
template class PanelWriter<double>;

}  // namespace miniray
