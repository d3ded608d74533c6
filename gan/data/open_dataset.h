// Data sets by name.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "gan/data/dataset.h"

namespace miniray {

struct DatasetOptions {
  std::string name = "cifar10";             // or cifar100, mnist, fashion-mnist, shapes
  std::filesystem::path data_dir = "data";  // where its files are, if it has any
  std::int64_t image_size = 32;             // pixels a side of the pictures it gives
};

// The shape of the pictures that open_dataset will give; looks at no file. Throws invalid argument,
// naming what would be right, where there is no such data set or it has no pictures of this size.
Shape dataset_shape(const DatasetOptions& options);

// Opens its training pictures. Throws as dataset_shape; not found, io or corrupt, naming the file.
std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options);

}  // namespace miniray
