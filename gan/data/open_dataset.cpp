#include "gan/data/open_dataset.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/error.h"
#include "gan/data/cifar10.h"
#include "gan/data/cifar100.h"
#include "gan/data/folder/picture_folder.h"
#include "gan/data/mnist.h"
#include "gan/data/shapes.h"

namespace miniray {
namespace {

constexpr std::int64_t kMinSide = 4, kMaxSide = 1'024;
constexpr std::string_view kFolderPrefix = "folder:";

using Opened = std::unique_ptr<Dataset>;

struct Entry {
  std::string_view name;
  std::int64_t channels, min_side, max_side;
  Opened (*open)(const DatasetOptions& options, const Preparation& preparation);

  bool is_called(std::string_view asked) const {
    if (!name.starts_with(kFolderPrefix)) return asked == name;
    return asked.starts_with(kFolderPrefix) && asked.size() > kFolderPrefix.size();
  }
};

Opened open_cifar10(const DatasetOptions& o, const Preparation&) {
  return std::make_unique<Cifar10>(o.data_dir, Split::kTrain);
}

Opened open_cifar100(const DatasetOptions& o, const Preparation&) {
  return std::make_unique<Cifar100>(o.data_dir, Split::kTrain);
}

template <Mnist::Kind kind>
Opened open_mnist(const DatasetOptions& o, const Preparation&) {
  return std::make_unique<Mnist>(kind, o.data_dir, Split::kTrain, o.image_size);
}

Opened open_shapes(const DatasetOptions&, const Preparation&) {
  return std::make_unique<Shapes>(Shapes::kDefaultSize);
}

Opened open_folder(const DatasetOptions& o, const Preparation& preparation) {
  const std::string folder = o.name.substr(kFolderPrefix.size());
  return open_picture_folder(folder, o.data_dir, o.image_size, preparation);
}

constexpr std::array kEntries = {
    Entry{"cifar10", 3, 32, 32, open_cifar10},
    Entry{"cifar100", 3, 32, 32, open_cifar100},
    Entry{"mnist", 1, Mnist::kSide, kMaxSide, open_mnist<Mnist::Kind::kDigits>},
    Entry{"fashion-mnist", 1, Mnist::kSide, kMaxSide, open_mnist<Mnist::Kind::kFashion>},
    Entry{"shapes", 3, 32, 32, open_shapes},
    Entry{"folder:DIR", 3, kMinSide, kMaxSide, open_folder},
};

const Entry& find_entry(const DatasetOptions& options) {
  const auto found = std::ranges::find_if(
      kEntries, [&](const Entry& entry) { return entry.is_called(options.name); });
  if (found == kEntries.end()) {
    std::string known;
    for (const Entry& entry : kEntries) {
      known += (known.empty() ? "" : ", ") + std::string(entry.name);
    }
    throw invalid_argument("there is no data set '" + options.name + "'; there are " + known);
  }
  if (options.image_size < found->min_side || options.image_size > found->max_side) {
    const std::string low = std::to_string(found->min_side);
    const std::string right =
        found->min_side == found->max_side ? low : low + " to " + std::to_string(found->max_side);
    throw invalid_argument(options.name + " has pictures of " + right + " pixels a side, not " +
                           std::to_string(options.image_size));
  }
  return *found;
}

}  // namespace

Shape dataset_shape(const DatasetOptions& options) {
  return {find_entry(options).channels, options.image_size, options.image_size};
}

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options,
                                      const Preparation& preparation) {
  return find_entry(options).open(options, preparation);
}

}  // namespace miniray
