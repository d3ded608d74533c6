#include "gan/objective.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "gan/trainer.h"
#include "support/expect_error.h"
#include "support/largest_changes.h"
#include "support/small_gan.h"

namespace miniray {
namespace {

using Logits = std::vector<float>;
using LossFunction = std::function<double(std::span<const float>, std::span<float>)>;

// By central differences; no logit lies within a step of hinge's corner.
void expect_gradient(const LossFunction& loss, const std::string& name) {
  const Logits logits{-3, -0.875F, -0.25F, 0, 0.375F, 0.875F, 1.25F, 5};
  Logits gradient(logits.size());
  loss(logits, gradient);
  constexpr float kStep = 1.0F / 64;  // sums with these logits are exact
  for (std::size_t i = 0; i < logits.size(); ++i) {
    Logits above = logits, below = logits;
    above[i] += kStep;
    below[i] -= kStep;
    const double slope = (loss(above, {}) - loss(below, {})) / (2 * kStep);
    EXPECT_NEAR(gradient[i], slope, 1e-5) << name << ", logit " << logits[i];
  }
}

TEST(Objective, GradientsByFiniteDifferences) {
  for (const std::string name : {"bce", "hinge", "lsgan"}) {
    const Objective objective = make_objective(name, name == "hinge" ? 0 : 0.1);
    for (const bool real : {true, false}) {
      expect_gradient(
          [&](auto logits, auto dlogits) {
            return discriminator_loss(objective, real, logits, dlogits);
          },
          name + (real ? " of D, real" : " of D, fake"));
    }
    expect_gradient(
        [&](auto logits, auto dlogits) { return generator_loss(objective, logits, dlogits); },
        name + " of G");
  }
}

TEST(Objective, ValuesByHand) {
  const Logits logits{-2, 0, 3};
  const double softplus =
      (std::log1p(std::exp(2.0)) + std::log(2.0) + std::log1p(std::exp(-3.0))) / 3;
  const Objective bce = make_objective("bce", 0), hinge = make_objective("hinge", 0),
                  lsgan = make_objective("lsgan", 0), smooth = make_objective("lsgan", 0.25);
  EXPECT_NEAR(discriminator_loss(bce, true, logits, {}), softplus, 1e-12);
  EXPECT_NEAR(generator_loss(bce, logits, {}), softplus, 1e-12);
  EXPECT_NEAR(discriminator_loss(hinge, true, logits, {}), (3 + 1 + 0) / 3.0, 1e-12);
  EXPECT_NEAR(discriminator_loss(hinge, false, logits, {}), (0 + 1 + 4) / 3.0, 1e-12);
  EXPECT_NEAR(generator_loss(hinge, logits, {}), -1 / 3.0, 1e-12);
  EXPECT_NEAR(discriminator_loss(lsgan, true, logits, {}), (9 + 1 + 4) / 6.0, 1e-12);
  EXPECT_NEAR(discriminator_loss(lsgan, false, logits, {}), (4 + 0 + 9) / 6.0, 1e-12);
  EXPECT_NEAR(generator_loss(smooth, logits, {}), (9 + 1 + 4) / 6.0, 1e-12) << "one-sided";
  EXPECT_NEAR(discriminator_loss(smooth, true, logits, {}),
              (2.75 * 2.75 + 0.75 * 0.75 + 2.25 * 2.25) / 6, 1e-12);
}

TEST(Objective, ContradictionsAreNamed) {
  testing::expect_error(ErrorKind::kInvalidArgument, "bce, hinge or lsgan",
                        [] { make_objective("mse", 0); });
  testing::expect_error(ErrorKind::kInvalidArgument, "no labels",
                        [] { make_objective("hinge", 0.1); });
  testing::expect_error(ErrorKind::kInvalidArgument, "0.5", [] { make_objective("bce", 0.7); });
  testing::expect_error(ErrorKind::kInvalidArgument, "0.5",
                        [] { make_objective("bce", std::nan("")); });
}

std::vector<float> weights_after(const GanOptions& options, int threads) {
  GanTrainer trainer(options, threads);
  trainer.train(testing::SmallPictures(60), {.epochs = 2, .batch_size = 20});
  const auto weights = trainer.state().generator.parameters();
  return {weights.begin(), weights.end()};
}

TEST(Objective, TrainsWithEqualBitsForAnyNumberOfThreads) {
  GanOptions options;
  options.model = testing::small_spec();
  std::vector<std::vector<float>> ends;
  for (const std::string name : {"bce", "hinge", "lsgan"}) {
    options.objective = make_objective(name, 0);
    ends.push_back(weights_after(options, 1));
    EXPECT_EQ(ends.back(), weights_after(options, 3)) << name;
  }
  EXPECT_NE(ends[0], ends[1]);
  EXPECT_NE(ends[1], ends[2]);
}

// Adam's first step moves every weight by its own rate, whatever the gradient.
TEST(Objective, TwoLearningRates) {
  GanOptions options;
  options.optimizer.lr = 1e-3;
  options.discriminator_lr = 4e-3;
  const auto changes = testing::largest_changes(options, 1);
  EXPECT_NEAR(changes.generator, 1e-3, 1e-5);
  EXPECT_NEAR(changes.discriminator, 4e-3, 4e-5);
}

}  // namespace
}  // namespace miniray
