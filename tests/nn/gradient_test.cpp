// Every layer's manual backprop against finite differences.
#include <gtest/gtest.h>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/class_layers.h"
#include "nn/conditional_batch_norm.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/dropout.h"
#include "nn/loss.h"
#include "nn/minibatch_std_dev.h"
#include "nn/pooling.h"
#include "nn/resampled_conv.h"
#include "nn/spectral_norm.h"
#include "support/gradient_check.h"

namespace miniray {
namespace {

using testing::GradientCheck;

TEST(Gradient, Dense) {
  GradientCheck(std::make_unique<Dense<double>>(4), {2, 3}, 5, true).run();
  GradientCheck(std::make_unique<Dense<double>>(1), {7}, 1, true).run();
  GradientCheck(std::make_unique<Dense<double>>(33), {17}, 3, true).run();
}

TEST(Gradient, Conv2d) {
  const auto check = [](const ConvOptions& options, const Shape& sample, std::int64_t batch) {
    GradientCheck(std::make_unique<Conv2d<double>>(options), sample, batch, true).run();
  };
  check({.channels = 3, .kernel = 4, .stride = 2, .padding = 1}, {2, 6, 6}, 3);
  check({.channels = 2, .kernel = 3, .padding = 1, .bias = false}, {3, 5, 4}, 2);
  check({.channels = 5, .kernel = 1}, {3, 3, 3}, 2);
  check({.channels = 2, .kernel = 4}, {3, 4, 4}, 2);
  check({.channels = 2, .kernel = 2, .stride = 3, .padding = 1}, {1, 7, 8}, 1);
}

TEST(Gradient, ConvTranspose2d) {
  const auto check = [](const ConvOptions& options, const Shape& sample, std::int64_t batch) {
    GradientCheck(std::make_unique<ConvTranspose2d<double>>(options), sample, batch, true).run();
  };
  check({.channels = 3, .kernel = 4, .stride = 2, .padding = 1}, {2, 3, 3}, 3);
  check({.channels = 2, .kernel = 3, .padding = 1, .bias = false}, {3, 5, 4}, 2);
  check({.channels = 5, .kernel = 1}, {3, 3, 3}, 2);
  check({.channels = 2, .kernel = 4}, {7, 1, 1}, 2);
  check({.channels = 2, .kernel = 4, .bias = false}, {7, 1, 1}, 2);
  check({.channels = 2, .kernel = 2, .stride = 3}, {1, 3, 2}, 1);
}

TEST(Gradient, BatchNorm1dTraining) {
  GradientCheck(std::make_unique<BatchNorm1d<double>>(), {5}, 7, true).run();
  // More features than a tile. (With two samples y is nearly a sign of x: too curved for
  // differences.)
  GradientCheck(std::make_unique<BatchNorm1d<double>>(), {67}, 5, true).run();
}

TEST(Gradient, BatchNorm1dInference) {
  GradientCheck(std::make_unique<BatchNorm1d<double>>(), {5}, 7, false).run();
}

TEST(Gradient, BatchNorm2d) {
  GradientCheck(std::make_unique<BatchNorm2d<double>>(), {5, 3, 2}, 4, true).run();
  GradientCheck(std::make_unique<BatchNorm2d<double>>(), {3, 4, 4}, 3, true).run();
  GradientCheck(std::make_unique<BatchNorm2d<double>>(), {5, 3, 3}, 2, false).run();
}

TEST(Gradient, ConditionalBatchNorm2d) {
  const auto check = [](std::int64_t classes, const Shape& sample, std::int64_t batch,
                        bool training) {
    GradientCheck(std::make_unique<ConditionalBatchNorm2d<double>>(classes), sample, batch,
                  training)
        .run();
  };
  check(3, {2, 3, 2}, 5, true);
  check(4, {2, 4, 4}, 4, true);  // a class without samples; channels are tiles
  check(3, {2, 3, 3}, 4, false);
}

TEST(Gradient, Resampling) {
  GradientCheck(std::make_unique<Upsample2d<double>>(), {2, 3, 5}, 2, true).run();
  GradientCheck(std::make_unique<AvgPool2d<double>>(), {2, 4, 10}, 3, true).run();
  GradientCheck(std::make_unique<GlobalSumPool<double>>(), {3, 4, 2}, 3, true).run();
}

TEST(Gradient, ResampledConv2d) {
  const auto check = [](const ResampledConvOptions& options, const Shape& sample) {
    GradientCheck(std::make_unique<ResampledConv2d<double>>(options), sample, 2, true).run();
  };
  using enum Resampling;
  check({.resampling = kUp, .channels = 3}, {2, 3, 4});
  check({.resampling = kDown, .channels = 3}, {2, 4, 6});
  check({.resampling = kUp, .channels = 2, .bias = false}, {1, 2, 3});
  check({.resampling = kUp, .channels = 2, .kernel = 1}, {3, 2, 2});
  check({.resampling = kDown, .channels = 2, .kernel = 5}, {1, 6, 4});
}

TEST(Gradient, ClassLayers) {
  constexpr std::int64_t kClasses = GradientCheck::kClasses;
  GradientCheck(std::make_unique<ClassEmbedding<double>>(kClasses, 4), {5}, 7, true).run();
  GradientCheck(std::make_unique<ClassEmbedding<double>>(kClasses, 2), {1, 3, 2}, 5, true).run();
  GradientCheck(std::make_unique<ClassProjection<double>>(kClasses + 1), {6}, 5, true).run();
}

TEST(Gradient, MinibatchStdDev) {
  for (const std::int64_t batch : {1, 3, 4, 9}) {
    GradientCheck(std::make_unique<MinibatchStdDev<double>>(), {2, 3, 2}, batch, true).run();
  }
  GradientCheck(std::make_unique<MinibatchStdDev<double>>(), {3, 10, 10}, 2, true).run();
}

std::unique_ptr<Layer<double>> normalised(std::unique_ptr<Layer<double>> layer) {
  return std::make_unique<SpectralNorm<double>>(std::move(layer));
}

// The vectors of the power iteration count as constants. They are, where they are stored; and to
// first order where the iteration has come to rest, as sigma is largest there.
TEST(Gradient, SpectralNorm) {
  const auto check = [](auto make, const Shape& sample) {
    GradientCheck(normalised(make()), sample, 3, false).run();
    GradientCheck settled(normalised(make()), sample, 3, true);
    settled.settle(2000);
    settled.run();
  };
  check([] { return std::make_unique<Dense<double>>(4); }, {5});
  check([] { return std::make_unique<Dense<double>>(1); }, {3});
  check([] { return std::make_unique<Conv2d<double>>(ConvOptions{3, 3, 1, 1}); }, {2, 3, 4});
  check(
      [] {
        return std::make_unique<ResampledConv2d<double>>(
            ResampledConvOptions{Resampling::kDown, 3});
      },
      {2, 4, 4});
  check([] { return std::make_unique<ClassProjection<double>>(GradientCheck::kClasses); }, {4});
}

TEST(Gradient, GlobalAveragePool) {
  GradientCheck(std::make_unique<GlobalAveragePool<double>>(), {5, 3, 2}, 4, true).run();
}

TEST(Gradient, SoftmaxCrossEntropy) {
  auto logits = testing::random_values<double>(15, 1, -3, 3);
  const std::vector<std::int32_t> labels{0, 4, 2};
  std::vector<double> gradient(logits.size());
  softmax_cross_entropy<double>(logits, labels, gradient);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double logit = logits[i];
    logits[i] = logit + 1e-5;
    const double above = softmax_cross_entropy<double>(logits, labels, {});
    logits[i] = logit - 1e-5;
    const double below = softmax_cross_entropy<double>(logits, labels, {});
    logits[i] = logit;
    ASSERT_NEAR(gradient[i], (above - below) / 2e-5, 1e-9) << i;
  }
}

TEST(Gradient, DropoutTraining) {
  GradientCheck(std::make_unique<Dropout<double>>(0.3), {11}, 20, true).run();
}

TEST(Gradient, DropoutInference) {
  GradientCheck(std::make_unique<Dropout<double>>(0.3), {11}, 3, false).run();
}

std::unique_ptr<Layer<double>> act(ActivationKind kind) {
  return std::make_unique<Activation<double>>(kind);
}

// Adds the layers and checks their gradients together; says how many outputs they share.
template <class... Added>
std::size_t check_chain(std::int64_t batch, Added... layers) {
  auto plan = std::make_shared<NetworkPlan<double>>(Shape{9});
  (plan->add(std::move(layers)), ...);
  GradientCheck(plan, batch, true).run();
  return plan->stages().size();
}

std::unique_ptr<Layer<double>> dense(std::int64_t width) {
  return std::make_unique<Dense<double>>(width);
}
std::unique_ptr<Layer<double>> dropout() { return std::make_unique<Dropout<double>>(0.3); }

TEST(ChainGradient, Convolutions) {
  auto plan = std::make_shared<NetworkPlan<double>>(Shape{6, 1, 1});
  plan->add(std::make_unique<ConvTranspose2d<double>>(ConvOptions{.channels = 5, .kernel = 4}));
  plan->add(act(ActivationKind::kLeakyReLU));
  plan->add(std::make_unique<ConvTranspose2d<double>>(
      ConvOptions{.channels = 3, .kernel = 4, .stride = 2, .padding = 1}));
  plan->add(act(ActivationKind::kTanh));
  plan->add(std::make_unique<Conv2d<double>>(ConvOptions{.channels = 4, .kernel = 3}));
  plan->add(dense(2));
  GradientCheck(plan, 3, true).run();
  EXPECT_EQ(plan->stages().size(), 4U);
}

// As in a discriminator: behind a layer that works in place, before a branch.
TEST(ChainGradient, MinibatchStdDev) {
  auto plan = std::make_shared<NetworkPlan<double>>(Shape{2, 4, 4});
  plan->add(std::make_unique<Conv2d<double>>(ConvOptions{3, 3, 1, 1}));
  plan->add(act(ActivationKind::kLeakyReLU));
  plan->add(std::make_unique<MinibatchStdDev<double>>());
  const Value x = plan->fork();
  plan->add(std::make_unique<Conv2d<double>>(ConvOptions{4, 3, 1, 1}));
  plan->add(act(ActivationKind::kTanh));
  plan->add(std::make_unique<Conv2d<double>>(ConvOptions{4, 1}), {.plus = x});
  plan->add(dense(1));
  GradientCheck(plan, 6, true).run();
}

// A channel is a tile of eight pixels, and is not.
TEST(ChainGradient, InPlaceAfterBatchNorm2d) {
  for (const std::int64_t height : {4, 3}) {
    auto plan = std::make_shared<NetworkPlan<double>>(Shape{2, height, 4});
    plan->add(std::make_unique<Conv2d<double>>(ConvOptions{3, 3, 1, 1}));
    plan->add(act(ActivationKind::kLeakyReLU));
    plan->add(std::make_unique<BatchNorm2d<double>>());
    plan->add(act(ActivationKind::kReLU));
    plan->add(dense(3));
    GradientCheck(plan, 3, true).run();
    EXPECT_EQ(plan->stages().size(), 3U);
  }
}

// Branches: a block around its input, one with layers on both ways, one around the network's input
// that works in place at its end.
TEST(ChainGradient, Residual) {
  using enum ActivationKind;
  auto plan = std::make_shared<NetworkPlan<double>>(Shape{2, 4, 4});
  const auto conv = [](std::int64_t channels) {
    return std::make_unique<Conv2d<double>>(ConvOptions{channels, 3, 1, 1});
  };
  const Value input = plan->fork();
  plan->add(conv(3));
  plan->add(act(kTanh));
  plan->add(conv(2), {.plus = input});
  plan->add(act(kLeakyReLU));
  const Value x = plan->fork();
  plan->add(std::make_unique<AvgPool2d<double>>());
  plan->add(conv(3), {.name = "shortcut"});
  const Value shortcut = plan->fork();
  plan->add(act(kTanh), {.from = x});
  plan->add(conv(4));
  plan->add(act(kLeakyReLU));
  plan->add(std::make_unique<AvgPool2d<double>>());
  plan->add(conv(3), {.plus = shortcut});
  const Value y = plan->fork();
  plan->add(act(kTanh));
  plan->add(conv(3), {.plus = y});
  plan->add(act(kTanh));
  GradientCheck(plan, 3, true).run();
  EXPECT_EQ(plan->parameters().find("shortcut.weight").shape, Shape({3, 2, 3, 3}));
}

// A head that makes tiles, with what is added to it and layers that work in place on the sum; a
// value of three readers, whose own stage works in place; and a sum at the network's end.
TEST(ChainGradient, ResidualInTiles) {
  using enum ActivationKind;
  auto plan = std::make_shared<NetworkPlan<double>>(Shape{9});
  plan->add(dense(8));
  plan->add(act(kLeakyReLU));
  const Value x = plan->fork();
  plan->add(dense(8), {.plus = x});
  plan->add(act(kLeakyReLU));
  plan->add(dropout());
  plan->add(dense(6));
  const Value a = plan->fork();
  plan->add(dense(6), {.from = x});
  const Value b = plan->fork();
  plan->add(dense(6), {.from = a, .plus = b});
  GradientCheck(plan, 5, true).run();
}

// Layers that work in place share an output only where backward can bear it.
TEST(ChainGradient, InPlaceAfterDense) {
  using enum ActivationKind;
  EXPECT_EQ(check_chain(5, dense(11), act(kLeakyReLU), dropout(), dense(3)), 2U);
  EXPECT_EQ(check_chain(5, dense(11), act(kReLU), std::make_unique<BatchNorm1d<double>>(), dense(3),
                        act(kTanh)),
            3U);
  EXPECT_EQ(check_chain(5, dense(11), dropout(), act(kTanh), dense(3), act(kSigmoid)), 2U);
}

TEST(ChainGradient, NotInPlaceWhereBackwardNeedsTheOutput) {
  using enum ActivationKind;
  EXPECT_EQ(check_chain(5, dense(11), act(kTanh), dropout(), dense(3)), 3U);
  EXPECT_EQ(check_chain(5, dense(11), act(kLeakyReLU), act(kSigmoid), dense(3)), 3U);
}

TEST(ChainGradient, AfterALayerThatMakesNoTiles) {
  using enum ActivationKind;
  EXPECT_EQ(check_chain(7, dense(11), std::make_unique<BatchNorm1d<double>>(), act(kLeakyReLU),
                        dropout(), dense(3)),
            3U);
  EXPECT_EQ(check_chain(5, dropout(), act(kTanh), dense(3), dropout()), 2U);
}

class ActivationGradient : public ::testing::TestWithParam<ActivationKind> {};

TEST_P(ActivationGradient, MatchesFiniteDifferences) {
  GradientCheck(std::make_unique<Activation<double>>(GetParam()), {13}, 5, true).run();
}

INSTANTIATE_TEST_SUITE_P(All, ActivationGradient,
                         ::testing::Values(ActivationKind::kReLU, ActivationKind::kLeakyReLU,
                                           ActivationKind::kTanh, ActivationKind::kSigmoid),
                         [](const auto& info) { return Activation<double>(info.param).kind(); });

}  // namespace
}  // namespace miniray
