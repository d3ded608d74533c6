// Every layer's manual backprop against finite differences.
#include <gtest/gtest.h>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/dense.h"
#include "nn/dropout.h"
#include "support/gradient_check.h"

namespace miniray {
namespace {

using testing::GradientCheck;

TEST(Gradient, Dense) {
  GradientCheck(std::make_unique<Dense<double>>(4), {2, 3}, 5, true).run();
  GradientCheck(std::make_unique<Dense<double>>(1), {7}, 1, true).run();
  GradientCheck(std::make_unique<Dense<double>>(33), {17}, 3, true).run();
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

TEST(Gradient, DropoutTraining) {
  GradientCheck(std::make_unique<Dropout<double>>(0.3), {11}, 20, true).run();
}

TEST(Gradient, DropoutInference) {
  GradientCheck(std::make_unique<Dropout<double>>(0.3), {11}, 3, false).run();
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
