// Data sets by name.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "gan/data/dataset.h"
#include "gan/data/preparation.h"

namespace miniray {

struct DatasetOptions {
  // or cifar100, mnist, fashion-mnist, shapes, folder:DIR (folder/picture_folder.h)
  std::string name = "cifar10";
  std::filesystem::path data_dir = "data";  // where its files are; of folder:DIR its cache
  std::int64_t image_size = 32;             // pixels a side of the pictures it gives
};

// The shape of the pictures that open_dataset will give; looks at no file. Throws invalid argument,
// naming what would be right, where there is no such data set or it has no pictures of this size.
Shape dataset_shape(const DatasetOptions& options);

// Opens its training pictures. Null where preparation.stop was set before they were ready. Throws
// as dataset_shape; not found, io or corrupt, naming the file.
std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options,
                                      const Preparation& preparation = {});

}  // namespace miniray
