#include "engine/kernels/conv.h"
#include "engine/kernels/conv_bands.h"
#include "engine/kernels/conv_gather.h"
#include "engine/kernels/conv_tiles.h"
#include "engine/kernels/conv_winograd.h"
#include "engine/kernels/gemm.h"
#include "engine/kernels/scratch.h"

namespace miniray {
namespace {

// Here the taps of x's channels are the rows of a product, y's channels its columns, and the pixels
// of y what is summed over.
constexpr std::int64_t kPixels = 256;          // in one chain of multiply-adds, about
constexpr std::int64_t kMaxRows = 96;          // of a piece
constexpr std::int64_t kChunkBytes = 3 << 20;  // of pictures laid out at a time, about

template <class T>
class WeightRun {
 public:
  WeightRun(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> x,
            Pictures<const T> y, T* w)
      : threads_(threads),
        shape_(shape),
        rows_axis_(gather_of_convolution(shape).rows),
        columns_axis_(gather_of_convolution(shape).columns),
        bands_(shape.images, shape.out_height(), shape.out_width(), kPixels),
        x_(x),
        y_(y),
        w_(w) {
    take_memory();
  }

  void run() const {
    fill_offsets();
    const std::int64_t count = bands_.count();
    for (std::int64_t first = 0; first < count; first += chunk_) {
      const std::int64_t bands = std::min(chunk_, count - first);
      threads_.for_each_tile_in_slot(
          bands, [&](std::int64_t i, int slot) { lay_out(bands_[first + i], i, slot); });
      threads_.for_each_tile(panels_ * row_pieces_, [&](std::int64_t piece) {
        for (std::int64_t i = 0; i < bands; ++i) {
          add_band(bands_[first + i], i, piece / row_pieces_, piece % row_pieces_ * piece_rows_,
                   first + i > 0);
        }
      });
    }
    threads_.for_each_tile(panels_, [&](std::int64_t panel) { add_to_weights(panel); });
  }

 private:
  void take_memory();
  void fill_offsets() const;
  void lay_out(const Band& band, std::int64_t place, int slot) const;
  void add_band(const Band& band, std::int64_t place, std::int64_t panel, std::int64_t row,
                bool add) const;
  void add_to_weights(std::int64_t panel) const;

  std::int64_t taps() const { return shape_.channels * shape_.kernel * shape_.kernel; }
  std::int64_t pixels_in(const Band& band) const {
    return band.images * band.rows * shape_.out_width();
  }

  const ThreadBudget& threads_;
  const ConvShape& shape_;
  const ConvKernels<T>& kernels_ = conv_kernels<T>();
  const std::int64_t width_ = kernels_.columns;
  const GatherAxis rows_axis_, columns_axis_;
  const Bands bands_;
  const Pictures<const T> x_, y_;
  T* w_;

  std::int64_t panels_ = 0, piece_rows_ = 0, row_pieces_ = 0;
  std::int64_t band_pixels_ = 0, box_rows_ = 0, box_columns_ = 0, box_size_ = 0;
  std::int64_t chunk_ = 0;   // bands laid out at a time
  T* boxes_ = nullptr;       // [band][image][channel][row][column], padded
  T* panel_data_ = nullptr;  // [band][panel][pixel][width]
  T* sums_ = nullptr;        // [panel][tap][width]
  T* lines_ = nullptr;       // of each thread: [width][pixel], where y is widened
  std::int32_t *tap_offsets_ = nullptr, *pixel_offsets_ = nullptr;
};

template <class T>
void WeightRun<T>::take_memory() {
  panels_ = Bands::parts(shape_.out_channels, width_);
  // As many pieces as sixteen cores need, of whole tiles on every target.
  constexpr std::int64_t kUnit = 24;
  piece_rows_ = std::min(kMaxRows, Bands::parts(taps(), 16 * kUnit) * kUnit);
  row_pieces_ = Bands::parts(taps(), piece_rows_);
  band_pixels_ = bands_.images_each() * bands_.rows_each() * shape_.out_width();
  box_rows_ = rows_axis_.reach(bands_.rows_each());
  box_columns_ = columns_axis_.reach(shape_.out_width());
  box_size_ = bands_.images_each() * shape_.channels * box_rows_ * box_columns_;
  const std::int64_t panel_size = panels_ * band_pixels_ * width_;
  const std::int64_t band_bytes = (box_size_ + panel_size) * static_cast<std::int64_t>(sizeof(T));
  chunk_ = std::clamp<std::int64_t>(kChunkBytes / band_bytes, 1, bands_.count());
  ScratchLayout layout;
  const std::size_t boxes_at = layout.add<T>(chunk_ * box_size_);
  const std::size_t panels_at = layout.add<T>(chunk_ * panel_size);
  const std::size_t sums_at = layout.add<T>(panels_ * taps() * width_);
  const std::size_t lines_at =
      layout.add<T>(y_.is_rounded() ? threads_.threads() * width_ * band_pixels_ : 0);
  const std::size_t taps_at = layout.add<std::int32_t>(taps());
  const std::size_t pixels_at = layout.add<std::int32_t>(band_pixels_);
  std::byte* const memory = threads_.scratch(layout.size());
  boxes_ = reinterpret_cast<T*>(memory + boxes_at);
  panel_data_ = reinterpret_cast<T*>(memory + panels_at);
  sums_ = reinterpret_cast<T*>(memory + sums_at);
  lines_ = reinterpret_cast<T*>(memory + lines_at);
  tap_offsets_ = reinterpret_cast<std::int32_t*>(memory + taps_at);
  pixel_offsets_ = reinterpret_cast<std::int32_t*>(memory + pixels_at);
}

template <class T>
void WeightRun<T>::fill_offsets() const {
  const std::int64_t plane = box_rows_ * box_columns_;
  std::int32_t* tap = tap_offsets_;
  for (std::int64_t c = 0; c < shape_.channels; ++c) {
    for (std::int64_t i = 0; i < shape_.kernel; ++i) {
      for (std::int64_t j = 0; j < shape_.kernel; ++j) {
        *tap++ = static_cast<std::int32_t>(c * plane + i * box_columns_ + j);
      }
    }
  }
  std::int32_t* pixel = pixel_offsets_;
  for (std::int64_t n = 0; n < bands_.images_each(); ++n) {
    for (std::int64_t i = 0; i < bands_.rows_each(); ++i) {
      for (std::int64_t j = 0; j < shape_.out_width(); ++j) {
        *pixel++ = static_cast<std::int32_t>(n * shape_.channels * plane +
                                             i * shape_.stride * box_columns_ + j * shape_.stride);
      }
    }
  }
}

// x of a band, padded, and y of it as panels; zeros past the last channel.
template <class T>
void WeightRun<T>::lay_out(const Band& band, std::int64_t place, int slot) const {
  copy_padded<T>(
      {shape_.channels, shape_.height, shape_.width}, x_,
      {band.first_image, band.images, 0, shape_.channels,
       band.first_row * shape_.stride - shape_.padding, box_rows_, -shape_.padding, box_columns_},
      shape_.channels * box_rows_ * box_columns_, boxes_ + place * box_size_);
  for (std::int64_t panel = 0; panel < panels_; ++panel) {
    copy_panel<T>({shape_.out_channels, shape_.out_height(), shape_.out_width()}, y_, band, panel,
                  width_, y_.is_rounded() ? lines_ + slot * width_ * band_pixels_ : nullptr,
                  panel_data_ + (place * panels_ + panel) * band_pixels_ * width_);
  }
}

template <class T>
void WeightRun<T>::add_band(const Band& band, std::int64_t place, std::int64_t panel,
                            std::int64_t row, bool add) const {
  kernels_.multiply(std::min(piece_rows_, taps() - row), tap_offsets_ + row, pixels_in(band),
                    pixel_offsets_, boxes_ + place * box_size_,
                    panel_data_ + (place * panels_ + panel) * band_pixels_ * width_, add,
                    sums_ + (panel * taps() + row) * width_);
}

template <class T>
void WeightRun<T>::add_to_weights(std::int64_t panel) const {
  const T* const sums = sums_ + panel * taps() * width_;
  const std::int64_t channels = std::min(width_, shape_.out_channels - panel * width_);
  for (std::int64_t o = 0; o < channels; ++o) {
    T* const w = w_ + (panel * width_ + o) * taps();
    for (std::int64_t tap = 0; tap < taps(); ++tap) w[tap] += sums[tap * width_ + o];
  }
}

}  // namespace

template <class T>
void convolve_weights_add(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> x,
                          Pictures<const T> y, std::span<T> w) {
  if (covers_whole_pictures(shape)) {
    return gemm_tn_add(
        threads, {shape.out_channels, shape.channels * shape.kernel * shape.kernel, shape.images},
        y.exact(), x.exact(), w);
  }
  if (is_winograd(gather_of_convolution(shape))) {
    return winograd_weights_add<T>(threads, shape, x, y, w);
  }
  WeightRun<T>(threads, shape, x, y, w.data()).run();
}

template void convolve_weights_add<float>(const ThreadBudget&, const ConvShape&,
                                          Pictures<const float>, Pictures<const float>,
                                          std::span<float>);
template void convolve_weights_add<double>(const ThreadBudget&, const ConvShape&,
                                           Pictures<const double>, Pictures<const double>,
                                           std::span<double>);

}  // namespace miniray
