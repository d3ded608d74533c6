// How far training moves the weights of a small GAN: an optimizer's rates seen from outside.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "gan/trainer.h"
#include "support/small_gan.h"

namespace miniray::testing {

// The largest change of any weight.
struct LargestChanges {
  float generator, discriminator;
};

inline float largest_change(std::span<const float> before, std::span<const float> after) {
  float largest = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    largest = std::max(largest, std::abs(before[i] - after[i]));
  }
  return largest;
}

// options.model is set to the small one. An epoch is one step.
inline LargestChanges largest_changes(GanOptions options, std::int64_t epochs,
                                      TrainOptions training = {}) {
  options.model = small_spec();
  GanTrainer trainer(options, 1), untrained(options, 1);
  training.epochs = epochs;
  training.batch_size = 20;
  trainer.train(SmallPictures(20), training);
  const GanState &before = untrained.state(), &after = trainer.state();
  return {largest_change(before.generator.parameters(), after.generator.parameters()),
          largest_change(before.discriminator.parameters(), after.discriminator.parameters())};
}

}  // namespace miniray::testing
