// The data set folder:DIR: any tree of pictures (picture_tree.h), decoded (decode.h), cut to their
// middle square and resized (resize.h) once, and kept in a cache file (picture_cache.h).
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "gan/data/dataset.h"
#include "gan/data/folder/picture_cache.h"
#include "gan/data/preparation.h"

namespace miniray {

class PictureFolder final : public Dataset {
 public:
  // Pictures are numbered in an order mixed by a fixed seed, so that a worker's share has all
  // classes. name: what was asked for.
  PictureFolder(std::string name, PictureCache cache);

  std::string name() const override { return name_; }
  std::int64_t size() const override { return cache_.index().size(); }
  Shape sample_shape() const override { return {3, cache_.index().side, cache_.index().side}; }
  const std::vector<std::string>& class_names() const override {
    return cache_.index().class_names;
  }
  int label(std::int64_t index) const override;
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override;

 private:
  std::string name_;
  PictureCache cache_;
  std::vector<std::uint32_t> order_;  // picture i is the cache's order_[i]
};

// The cache file of a folder's pictures of side x side pixels: named in cache_dir by the folder's
// whole path and the size.
std::filesystem::path picture_cache_path(const std::filesystem::path& folder,
                                         const std::filesystem::path& cache_dir, std::int64_t side);

// Opens the folder's cache. Where there is none that is whole and of these very files, decodes them
// all, `preparation.threads` at once, and writes it; other processes that want the same one wait.
// What is in the cache does not depend on the number of threads.
//
// A picture that cannot be decoded is skipped, and told of by preparation.warn, also when the cache
// is used again. Null where preparation.stop is set before it is done. Throws corrupt where more
// than 1% cannot be decoded; not found or io, naming the path.
std::unique_ptr<Dataset> open_picture_folder(const std::filesystem::path& folder,
                                             const std::filesystem::path& cache_dir,
                                             std::int64_t side, const Preparation& preparation);

}  // namespace miniray
