// What gan_features does: trains a classifier whose features metrics can use.
#pragma once

#include <functional>

#include "gan/config.h"
#include "gan/metrics/classifier_training.h"

namespace miniray {

struct FeaturesResult {
  double test_accuracy = 0;
  std::int64_t train_images = 0, test_images = 0;
};

using ReadingProgress = std::function<void(std::int64_t done, std::int64_t total)>;

// Trains on the data set's labels and writes config.output. Its accuracy is that on pictures that
// were not trained on: the data set's test pictures where it has some, else every tenth one.
// `reading` is told of the pictures of a folder as they are read. Throws Error, naming the option
// or the file.
FeaturesResult run_feature_training(const FeaturesConfig& config,
                                    const std::function<void(const ClassifierEpoch&)>& progress,
                                    const ReadingProgress& reading = {});

}  // namespace miniray
