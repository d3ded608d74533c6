// The pieces in which convolutions take a batch of pictures, and padded copies of them.
#pragma once

#include <algorithm>
#include <cstdint>

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

// to [images, channels, rows, columns] of the box, dense. Calling thread only.
template <class T>
void copy_padded(const Planes& planes, const T* from, const PlaneBox& box, T* to) {
  const std::int64_t left = std::clamp<std::int64_t>(-box.first_column, 0, box.columns);
  const std::int64_t first_column = std::max<std::int64_t>(0, box.first_column);
  const std::int64_t present =
      std::clamp<std::int64_t>(planes.columns - first_column, 0, box.columns - left);
  for (std::int64_t n = box.first_image; n < box.first_image + box.images; ++n) {
    for (std::int64_t c = box.first_channel; c < box.first_channel + box.channels; ++c) {
      const T* const plane = from + (n * planes.channels + c) * planes.rows * planes.columns;
      for (std::int64_t row = box.first_row; row < box.first_row + box.rows; ++row) {
        const bool inside = row >= 0 && row < planes.rows;
        const std::int64_t copied = inside ? present : 0;
        const std::int64_t zeros = inside ? left : 0;
        const T* const line = plane + row * planes.columns + first_column;
        for (std::int64_t i = 0; i < zeros; ++i) to[i] = 0;
        for (std::int64_t i = 0; i < copied; ++i) to[zeros + i] = line[i];
        for (std::int64_t i = zeros + copied; i < box.columns; ++i) to[i] = 0;
        to += box.columns;
      }
    }
  }
}

}  // namespace miniray
