#include "gan/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gan/trainer.h"
#include "support/small_gan.h"

namespace miniray {
namespace {

TEST(Schedule, ClosedForms) {
  EXPECT_EQ(learning_rate_factor({}, 1, 0.9), 1);
  EXPECT_DOUBLE_EQ(learning_rate_factor({.decay = Decay::kLinear}, 7, 0.25), 0.75);
  EXPECT_DOUBLE_EQ(learning_rate_factor({.decay = Decay::kCosine}, 7, 0), 1);
  EXPECT_NEAR(learning_rate_factor({.decay = Decay::kCosine}, 7, 1.0 / 3), 0.75, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate_factor({.warmup_steps = 8}, 2, 0.9), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate_factor({.warmup_steps = 8}, 9, 0.9), 1);
  EXPECT_DOUBLE_EQ(learning_rate_factor({.decay = Decay::kLinear, .warmup_steps = 8}, 4, 0.5),
                   0.25);
}

// Adam's first step moves a weight by its rate, whatever the gradient.
TEST(Schedule, ScalesTheRatesOfBothOptimizers) {
  GanOptions options;
  options.model = testing::small_spec();
  options.optimizer.lr = 1e-3;
  options.schedule.warmup_steps = 4;
  GanTrainer trainer(options, 1), untrained(options, 1);
  trainer.train(testing::SmallPictures(20), {.epochs = 1, .batch_size = 20});
  const auto largest_step = [](std::span<const float> a, std::span<const float> b) {
    float largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
  };
  const GanState &after = trainer.state(), &before = untrained.state();
  EXPECT_NEAR(largest_step(after.generator.parameters(), before.generator.parameters()), 2.5e-4,
              1e-6);
  EXPECT_NEAR(largest_step(after.discriminator.parameters(), before.discriminator.parameters()),
              2.5e-4, 1e-6);
}

}  // namespace
}  // namespace miniray
