#include "gan/data/open_dataset.h"

#include <algorithm>
#include <array>

#include "engine/error.h"
#include "gan/data/cifar10.h"
#include "gan/data/cifar100.h"
#include "gan/data/mnist.h"
#include "gan/data/shapes.h"

namespace miniray {
namespace {

constexpr std::int64_t kMaxSide = 1'024;

struct Entry {
  const char* name;
  std::int64_t channels, min_side, max_side;
  std::unique_ptr<Dataset> (*open)(const DatasetOptions& options);
};

std::unique_ptr<Dataset> open_mnist(Mnist::Kind kind, const DatasetOptions& o) {
  return std::make_unique<Mnist>(kind, o.data_dir, Split::kTrain, o.image_size);
}

constexpr std::array kEntries = {
    Entry{"cifar10", 3, 32, 32,
          [](const DatasetOptions& o) -> std::unique_ptr<Dataset> {
            return std::make_unique<Cifar10>(o.data_dir, Split::kTrain);
          }},
    Entry{"cifar100", 3, 32, 32,
          [](const DatasetOptions& o) -> std::unique_ptr<Dataset> {
            return std::make_unique<Cifar100>(o.data_dir, Split::kTrain);
          }},
    Entry{"mnist", 1, Mnist::kSide, kMaxSide,
          [](const DatasetOptions& o) { return open_mnist(Mnist::Kind::kDigits, o); }},
    Entry{"fashion-mnist", 1, Mnist::kSide, kMaxSide,
          [](const DatasetOptions& o) { return open_mnist(Mnist::Kind::kFashion, o); }},
    Entry{"shapes", 3, 32, 32,
          [](const DatasetOptions&) -> std::unique_ptr<Dataset> {
            return std::make_unique<Shapes>(Shapes::kDefaultSize);
          }},
};

const Entry& find_entry(const DatasetOptions& options) {
  const auto found = std::ranges::find(kEntries, options.name, &Entry::name);
  if (found == kEntries.end()) {
    std::string known;
    for (const Entry& entry : kEntries)
      known += (known.empty() ? "" : ", ") + std::string(entry.name);
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

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) {
  return find_entry(options).open(options);
}

}  // namespace miniray
