// The pieces in which convolutions take a batch of pictures, and padded copies of them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/kernels/conv.h"
#include "engine/kernels/conv_tiles.h"

namespace miniray {

// Some whole pictures, or some rows of one.
struct Band {
  std::int64_t first_image, images;
  std::int64_t first_row, rows;
};

// Bands of about `pixels` each, by shape alone. All are of one size but for the last ones, whose
// pixels are the first ones of a whole band.
class Bands {
 public:
  Bands(std::int64_t images, std::int64_t rows, std::int64_t columns, std::int64_t pixels)
      : images_(images), rows_(rows) {
    images_each_ = even_part(images, pixels / (rows * columns));
    rows_each_ = rows * columns <= pixels ? rows : even_part(rows, pixels / columns);
  }

  std::int64_t images_each() const { return images_each_; }
  std::int64_t rows_each() const { return rows_each_; }
  std::int64_t count() const { return parts(images_, images_each_) * parts(rows_, rows_each_); }
  Band operator[](std::int64_t index) const {
    const std::int64_t row_parts = parts(rows_, rows_each_);
    const std::int64_t image = index / row_parts * images_each_;
    const std::int64_t row = index % row_parts * rows_each_;
    return {image, std::min(images_each_, images_ - image), row, std::min(rows_each_, rows_ - row)};
  }

  static std::int64_t parts(std::int64_t extent, std::int64_t size) {
    return (extent + size - 1) / size;
  }
  // The size of equal parts, none above `most` (taken as 1 at least).
  static std::int64_t even_part(std::int64_t extent, std::int64_t most) {
    return parts(extent, parts(extent, std::max<std::int64_t>(1, most)));
  }

 private:
  std::int64_t images_, rows_;
  std::int64_t images_each_, rows_each_;
};

// The extents of dense planes [images, channels, rows, columns].
struct Planes {
  std::int64_t channels, rows, columns;
};

// A box of planes; rows and columns may lie outside of them, where zeros are.
struct PlaneBox {
  std::int64_t first_image, images;
  std::int64_t first_channel, channels;
  std::int64_t first_row, rows;
  std::int64_t first_column, columns;
};

// to [images, channels, rows, columns] of the box, dense, its pictures image_stride apart. Calling
// thread only.
template <class T>
void copy_padded(const Planes& planes, Pictures<const T> from, const PlaneBox& box,
                 std::int64_t image_stride, T* to) {
  const std::int64_t top = std::clamp<std::int64_t>(-box.first_row, 0, box.rows);
  const std::int64_t left = std::clamp<std::int64_t>(-box.first_column, 0, box.columns);
  const std::int64_t row = std::max<std::int64_t>(0, box.first_row);
  const std::int64_t column = std::max<std::int64_t>(0, box.first_column);
  const std::int64_t rows = std::clamp<std::int64_t>(planes.rows - row, 0, box.rows - top);
  const std::int64_t columns =
      std::clamp<std::int64_t>(planes.columns - column, 0, box.columns - left);
  const std::int64_t plane = box.rows * box.columns;
  for (std::int64_t n = 0; n < box.images; ++n) {
    T* const picture = to + n * image_stride;
    if (rows * columns < plane) std::fill_n(picture, box.channels * plane, T{0});
    if (rows * columns == 0) continue;
    for (std::int64_t c = 0; c < box.channels; ++c) {
      const std::int64_t at = (box.first_image + n) * planes.channels + box.first_channel + c;
      const std::int64_t first = (at * planes.rows + row) * planes.columns + column;
      T* const first_to = picture + c * plane + top * box.columns + left;
      if (from.is_rounded()) {
        widen_block(rows, columns, from.rounded(), first, planes.columns, first_to, box.columns);
      } else {
        conv_kernels<T>().copy_rows(rows, columns, from.exact().data() + first, planes.columns,
                                    first_to, box.columns);
      }
    }
  }
}

// to [pixel of the band][width], pictures one after the other: channels panel * width and on, side
// by side, zeros past the last one. lines: room for `width` rows of a band's pixels of one picture
// where these are rounded. Calling thread only.
template <class T>
void copy_panel(const Planes& planes, Pictures<const T> from, const Band& band, std::int64_t panel,
                std::int64_t width, T* lines, T* to) {
  const std::int64_t plane = planes.rows * planes.columns;
  const std::int64_t pixels = band.rows * planes.columns;  // of one picture
  const std::int64_t channels = std::min(width, planes.channels - panel * width);
  if (channels < width) std::fill_n(to, band.images * pixels * width, T{0});
  for (std::int64_t n = band.first_image; n < band.first_image + band.images; ++n) {
    const std::int64_t at =
        (n * planes.channels + panel * width) * plane + band.first_row * planes.columns;
    const T* first = lines;
    std::int64_t stride = pixels;
    if (from.is_rounded()) {
      widen_block(channels, pixels, from.rounded(), at, plane, lines, pixels);
    } else {
      first = from.exact().data() + at;
      stride = plane;
    }
    conv_kernels<T>().transpose(channels, pixels, first, stride, to, width);
    to += pixels * width;
  }
}

}  // namespace miniray
