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

// Which of `count` places of an axis, from `begin` on, lie in [0, extent): `inside` of them, behind
// `before` that do not, the first of them at `first`.
struct Inside {
  Inside(std::int64_t begin, std::int64_t count, std::int64_t extent)
      : before(std::clamp<std::int64_t>(-begin, 0, count)),
        first(std::max<std::int64_t>(0, begin)),
        inside(std::clamp<std::int64_t>(extent - first, 0, count - before)) {}

  std::int64_t before, first, inside;
};

// to [images, channels, rows, columns] of the box, dense, its pictures image_stride apart. Calling
// thread only.
template <class T>
void copy_padded(const Planes& planes, Pictures<const T> from, const PlaneBox& box,
                 std::int64_t image_stride, T* to) {
  const auto [top, row, rows] = Inside(box.first_row, box.rows, planes.rows);
  const auto [left, column, columns] = Inside(box.first_column, box.columns, planes.columns);
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

// to [pixels, to_stride]: `pixels` of each channel from number `first` on, channels `plane` apart,
// turned so that channels stand side by side. lines: room for as many numbers where they are
// rounded. Calling thread only.
template <class T>
void copy_turned(Pictures<const T> from, std::int64_t first, std::int64_t channels,
                 std::int64_t plane, std::int64_t pixels, T* lines, T* to, std::int64_t to_stride) {
  const auto transpose = conv_kernels<T>().transpose;
  if (!from.is_rounded()) {
    return transpose(channels, pixels, from.exact().data() + first, plane, to, to_stride);
  }
  widen_block(channels, pixels, from.rounded(), first, plane, lines, pixels);
  transpose(channels, pixels, lines, pixels, to, to_stride);
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
    copy_turned(from, at, channels, plane, pixels, lines, to, width);
    to += pixels * width;
  }
}

}  // namespace miniray
