#include "gan/schedule.h"

#include <gtest/gtest.h>

#include "support/largest_changes.h"

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
  options.optimizer.lr = 1e-3;
  options.schedule.warmup_steps = 4;
  const auto changes = testing::largest_changes(options, 1);
  EXPECT_NEAR(changes.generator, 2.5e-4, 1e-6);
  EXPECT_NEAR(changes.discriminator, 2.5e-4, 1e-6);
}

// Without memory of former gradients, Adam moves a weight by its rate in each step; a weight whose
// gradient keeps its sign moves by the sum.
TEST(Schedule, DecaysByThePartOfTheEpochsThatIsDone) {
  GanOptions options;
  options.optimizer = {.lr = 1e-3, .beta1 = 0, .beta2 = 0};
  options.schedule.decay = Decay::kLinear;  // 1, then 1/2
  const auto changes = testing::largest_changes(options, 2);
  EXPECT_NEAR(changes.generator, 1.5e-3, 6e-6);
  EXPECT_NEAR(changes.discriminator, 1.5e-3, 6e-6);
}

// As above: one update of G, two of D.
TEST(Schedule, StepsOfTheDiscriminatorAlone) {
  GanOptions options;
  options.optimizer = {.lr = 1e-3, .beta1 = 0, .beta2 = 0};
  const auto changes = testing::largest_changes(options, 2, {.d_steps = 2});
  EXPECT_NEAR(changes.generator, 1e-3, 4e-6);
  EXPECT_NEAR(changes.discriminator, 2e-3, 8e-6);
}

}  // namespace
}  // namespace miniray
