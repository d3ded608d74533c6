#include "gan/image_io.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/png.h"

namespace miniray {
namespace {

constexpr std::int64_t kMargin = 2;  // pixels between the pictures of a sheet

std::string image_name(std::int64_t index) {
  char name[40];
  std::snprintf(name, sizeof name, "image_%05lld.png", static_cast<long long>(index));
  return name;
}

// Copies a picture to its place on a sheet, each pixel `zoom` times in both directions.
void place(std::span<const std::uint8_t> picture, const Images& images, std::int64_t zoom,
           std::int64_t left, std::int64_t top, std::int64_t sheet_width,
           std::vector<std::uint8_t>& sheet) {
  for (std::int64_t y = 0; y < images.height * zoom; ++y) {
    for (std::int64_t x = 0; x < images.width * zoom; ++x) {
      const std::int64_t from = (y / zoom * images.width + x / zoom) * images.channels;
      const std::int64_t to = ((top + y) * sheet_width + left + x) * images.channels;
      std::copy_n(picture.begin() + from, images.channels, sheet.begin() + to);
    }
  }
}

}  // namespace

void write_pngs(const ThreadBudget& threads, const Images& images, std::int64_t first,
                const std::filesystem::path& folder) {
  const OutputFolder output(folder);
  threads.for_each_tile(images.count, [&](std::int64_t i) {
    output.write(image_name(first + i),
                 encode_png(images.width, images.height, images.channels, images.image(i)));
  });
}

Sheet encode_sheet(const Images& images, std::int64_t columns, std::int64_t zoom) {
  if (columns == 0) {
    columns = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(images.count))));
  }
  const std::int64_t rows = (images.count + columns - 1) / columns;
  const std::int64_t cell_width = images.width * zoom + kMargin;
  const std::int64_t cell_height = images.height * zoom + kMargin;
  const std::int64_t width = columns * cell_width + kMargin;
  const std::int64_t height = rows * cell_height + kMargin;
  std::vector<std::uint8_t> sheet(static_cast<std::size_t>(width * height * images.channels), 255);
  for (std::int64_t i = 0; i < images.count; ++i) {
    place(images.image(i), images, zoom, kMargin + i % columns * cell_width,
          kMargin + i / columns * cell_height, width, sheet);
  }
  return {width, height, images.channels, encode_png(width, height, images.channels, sheet)};
}

void write_sheet(const std::filesystem::path& path, const Images& images, std::int64_t columns,
                 std::int64_t zoom) {
  write_file(path, encode_sheet(images, columns, zoom).png);
}

}  // namespace miniray
