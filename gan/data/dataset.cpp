#include "gan/data/dataset.h"

#include "engine/error.h"
#include "gan/data/cifar10.h"
#include "gan/data/shapes.h"

namespace miniray {

std::unique_ptr<Dataset> open_dataset(const std::string& name,
                                      const std::filesystem::path& data_dir) {
  if (name == "cifar10") return std::make_unique<Cifar10>(data_dir, Cifar10::Split::kTrain);
  if (name == "shapes") return std::make_unique<Shapes>(Shapes::kDefaultSize);
  throw invalid_argument("there is no data set '" + name + "'; there are cifar10 and shapes");
}

}  // namespace miniray
