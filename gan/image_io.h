// Pictures to PNG files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "engine/parallel.h"
#include "gan/images.h"

namespace miniray {

// PNGs of pictures [0, images.count) as folder/image_<first + i, five digits>.png, in parallel.
// They are on the disk when the system gets to it; what was there before stays until its successor
// is complete (OutputFolder). Throws not found or io.
void write_pngs(const ThreadBudget& threads, const Images& images, std::int64_t first,
                const std::filesystem::path& folder);

// Many pictures as one.
struct Sheet {
  std::int64_t width, height, channels;
  std::vector<std::byte> png;  // the file's bytes
};

// All pictures on one sheet, row by row, `columns` in a row (0: as near to a square as can be),
// with a thin margin between them, each pixel shown as zoom x zoom. Throws io.
Sheet encode_sheet(const Images& images, std::int64_t columns = 0, std::int64_t zoom = 2);
void write_sheet(const std::filesystem::path& path, const Images& images, std::int64_t columns = 0,
                 std::int64_t zoom = 2);

}  // namespace miniray
