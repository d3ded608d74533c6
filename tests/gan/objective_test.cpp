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
  for (const std::string name : {"bce", "hinge", "lsgan", "wgan-gp"}) {
    const bool labels = name == "bce" || name == "lsgan";
    const Objective objective = make_objective(name, labels ? 0.1 : 0);
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
                  lsgan = make_objective("lsgan", 0), smooth = make_objective("lsgan", 0.25),
                  wgan = make_objective("wgan-gp", 0);
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
  EXPECT_NEAR(discriminator_loss(wgan, true, logits, {}), -1 / 3.0, 1e-12);
  EXPECT_NEAR(discriminator_loss(wgan, false, logits, {}), 1 / 3.0, 1e-12);
  EXPECT_NEAR(generator_loss(wgan, logits, {}), -1 / 3.0, 1e-12);
  EXPECT_NEAR(mean_opinion(wgan, logits), 1 / 3.0, 1e-12) << "a score";
  EXPECT_NEAR(mean_opinion(bce, logits),
              (1 / (1 + std::exp(2.0)) + 0.5 + 1 / (1 + std::exp(-3.0))) / 3, 1e-12)
      << "a probability";
}

TEST(Objective, ContradictionsAreNamed) {
  testing::expect_error(ErrorKind::kInvalidArgument, "bce, hinge, lsgan or wgan-gp",
                        [] { make_objective("mse", 0); });
  testing::expect_error(ErrorKind::kInvalidArgument, "no labels",
                        [] { make_objective("wgan-gp", 0.1); });
  const auto refuse = [](const char* part, const std::string& loss, const Penalties& penalties) {
    testing::expect_error(ErrorKind::kInvalidArgument, part,
                          [&] { make_objective(loss, 0, penalties); });
  };
  refuse("above 0", "wgan-gp", {.gp_weight = 0});
  refuse("needs the loss wgan-gp", "hinge", {.gp_weight = 3});
  refuse("gamma", "bce", {.r1 = -1});
  refuse("gamma", "bce", {.r1 = std::nan("")});
  refuse("every", "bce", {.r1 = 1, .r1_every = 0});
  refuse("above 0", "bce", {.r1_every = 4});
  testing::expect_error(ErrorKind::kInvalidArgument, "no labels",
                        [] { make_objective("hinge", 0.1); });
  testing::expect_error(ErrorKind::kInvalidArgument, "0.5", [] { make_objective("bce", 0.7); });
  testing::expect_error(ErrorKind::kInvalidArgument, "0.5",
                        [] { make_objective("bce", std::nan("")); });
}

TEST(Objective, R1OfEveryFourthStepIsFourTimesAsLarge) {
  const Objective objective = make_objective("bce", 0, {.r1 = 0.5, .r1_every = 4});
  const std::vector<double> expected{1, 0, 0, 0, 1, 0};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(objective.r1_factor(static_cast<std::int64_t>(i) + 1), expected[i]);
  }
  EXPECT_EQ(make_objective("hinge", 0, {.r1 = 0.5}).r1_factor(7), 0.25);
}

TEST(Objective, PenaltiesRefuseADiscriminatorThatIsNotPiecewiseLinear) {
  GanOptions options;
  options.model = make_spec("dcgan", 8, {3, 16, 16}, 0.1);
  for (const Objective& objective :
       {make_objective("wgan-gp", 0), make_objective("hinge", 0, {.r1 = 1})}) {
    options.objective = objective;
    options.model.d_norm = "batch";
    testing::expect_error(ErrorKind::kInvalidArgument, "BatchNorm2d",
                          [&] { GanTrainer(options, 1); });
    options.model.d_norm = "none";
    EXPECT_NO_THROW(GanTrainer(options, 1));
  }
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
  for (const std::string name : {"bce", "hinge", "lsgan", "wgan-gp"}) {
    options.objective = make_objective(name, 0, {.r1 = name == "hinge" ? 1.0 : 0});
    ends.push_back(weights_after(options, 1));
    EXPECT_EQ(ends.back(), weights_after(options, 3)) << name;
  }
  EXPECT_NE(ends[0], ends[1]);
  EXPECT_NE(ends[1], ends[2]);
  EXPECT_NE(ends[2], ends[3]);
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
