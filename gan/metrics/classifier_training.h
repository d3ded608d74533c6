// Trains the classifier on a data set's labels.
#pragma once

#include <cstdint>
#include <functional>

#include "gan/data/dataset.h"
#include "gan/metrics/classifier.h"

namespace miniray {

struct ClassifierTraining {
  std::int64_t epochs = 8;
  std::int64_t batch_size = 128;
  double lr = 0.004;  // of Adam, at its highest: rises over `warmup` epochs, then falls as cosine
  double warmup = 1;
  std::int64_t shift = 4;  // pictures are moved by up to so many pixels in both directions
  bool flip = true;        // half of the pictures are mirrored
  std::uint64_t seed = 42;
};

struct ClassifierEpoch {
  std::int64_t epoch = 0;  // from 1
  double loss = 0;         // mean over the epoch
  double train_accuracy = 0;
};

// Gives the same bits for any number of threads. `progress` is told of each epoch. Throws invalid
// argument where the data set does not fit the spec, diverged where the loss is not finite.
Network<float> train_classifier(const ThreadBudget& threads, const Dataset& dataset,
                                const ClassifierSpec& spec, const ClassifierTraining& options,
                                const std::function<void(const ClassifierEpoch&)>& progress);

// The part of a data set's pictures whose largest logit is their label's.
double accuracy(const ThreadBudget& threads, const Network<float>& classifier,
                const Dataset& dataset);

}  // namespace miniray
