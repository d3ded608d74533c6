// From sums of a gather, pixel by pixel, to target pictures, channel by channel.
#pragma once

#include <cstdint>

#include "engine/kernels/conv_bands.h"
#include "engine/kernels/conv_gather.h"
#include "engine/kernels/conv_tiles.h"

namespace miniray {

// Owns nothing; g must outlive it. Its functions use the calling thread only.
template <class T>
class PanelWriter {
 public:
  // A null bias is none. band_pixels: the most of a band in one phase.
  PanelWriter(const Gather& g, std::int64_t width, std::int64_t band_pixels, const T* bias,
              Pictures<T> target)
      : g_(g), width_(width), band_pixels_(band_pixels), bias_(bias), target_(target) {}

  // Elements of working memory.
  static std::int64_t lines_size(const Gather& g, std::int64_t width, std::int64_t band_pixels) {
    return g.phases() * band_pixels * width;
  }

  // The targets of a band and a panel of channels from sums [phase][pixel, of band_pixels][width],
  // plus bias. Changes sums.
  void write(const Band& band, std::int64_t panel, T* sums, T* lines) const;

 private:
  void write_whole(const Band& band, std::int64_t panel, const T* sums, T* lines) const;
  void write_rows(const Band& band, std::int64_t panel, std::int64_t row_phase, const T* lines,
                  T* joined) const;
  void join_columns(std::int64_t skipped, std::int64_t rows, const T* lines, T* to,
                    std::int64_t to_stride) const;

  const Gather& g_;
  const std::int64_t width_, band_pixels_;
  const T* bias_;
  const Pictures<T> target_;
  const ConvKernels<T>& kernels_ = conv_kernels<T>();
  const GatherPhase first_column_ = g_.columns.phase(0);
};

}  // namespace miniray
