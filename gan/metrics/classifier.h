// A small convolutional classifier of labelled pictures. The mean over the pixels of its last
// convolution is the feature vector of the metrics "-builtin".
//
//   for each width: Conv2d 3x3, BatchNorm2d, ReLU; padding 1, of its stride
//   AdaptiveAvgPool2d(1) -> features [widths.back()] -> Linear -> logits [classes]
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/shape.h"
#include "nn/network.h"

namespace miniray {

struct ClassifierSpec {
  Shape image_shape{3, 32, 32};
  std::int64_t classes = 10;
  std::vector<std::int64_t> widths = {24, 48, 48, 96, 96, 144, 144};
  std::vector<std::int64_t> strides = {1, 2, 1, 2, 1, 2, 1};

  std::int64_t features() const { return widths.back(); }
};

// Throws invalid argument, naming what is out of range.
std::shared_ptr<const NetworkPlan<float>> make_classifier_plan(const ClassifierSpec& spec);

}  // namespace miniray
