// Numbered pictures of one shape, wherever they come from: a value, so that a user's own function
// serves as well.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/parallel.h"
#include "gan/data/dataset.h"
#include "gan/images.h"
#include "gan/model_file.h"

namespace miniray {

// Pictures first .. first + count - 1. Used by one thread at a time.
using PictureReader = std::function<Images(std::int64_t first, std::int64_t count)>;

struct PictureSource {
  std::string name;  // for messages
  std::int64_t count = 0;
  Shape image_shape;  // C x H x W
  // A reader that owns or shares all it needs but `threads`, which must outlive it. Readers of one
  // source may be used at once.
  std::function<PictureReader(const ThreadBudget& threads)> open;
};

// The data set must outlive the source. The first `count` pictures; 0: all.
PictureSource pictures_of(const Dataset& dataset, std::int64_t count = 0);
// Picture i is the sampler's i of that seed, as gan_generate makes it. `generator` is shared.
PictureSource generated_pictures(std::shared_ptr<const LoadedGenerator> generator,
                                 std::uint64_t seed, std::int64_t count);

// Every JPEG, PNG and BMP below a folder, by path (gan/data/folder/picture_tree.h), all of the
// first one's size; channels: 3, or 1 of grey pictures. Throws not found or io, and the reader
// invalid argument, naming the file whose size or colour is another, or corrupt.
PictureSource folder_pictures(const std::filesystem::path& folder, std::int64_t channels);

}  // namespace miniray
