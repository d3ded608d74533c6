#include "gan/gradient_penalty.h"

#include <gtest/gtest.h>

#include "gan/models.h"
#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/dropout.h"
#include "support/random_values.h"
#include "support/simd_targets.h"
#include "support/torch_values.h"

namespace miniray {
namespace {

using testing::numbers;
using testing::random_values;
using Plan = NetworkPlan<float>;

std::shared_ptr<Plan> mlp() {
  auto plan = std::make_shared<Plan>(Shape{48});
  for (const std::int64_t width : {20, 16, 12}) {
    plan->add(std::make_unique<Dense<float>>(width));
    plan->add(std::make_unique<Activation<float>>(ActivationKind::kLeakyReLU));
    plan->add(std::make_unique<Dropout<float>>(0));
  }
  plan->add(std::make_unique<Dense<float>>(1));
  return plan;
}

std::shared_ptr<Plan> dcgan() {
  auto plan = std::make_shared<Plan>(Shape{1, 16, 16});
  plan->add(std::make_unique<Conv2d<float>>(ConvOptions{6, 4, 2, 1, false}));
  plan->add(std::make_unique<Activation<float>>(ActivationKind::kLeakyReLU));
  plan->add(std::make_unique<Conv2d<float>>(ConvOptions{10, 4, 2, 1}));
  plan->add(std::make_unique<Activation<float>>(ActivationKind::kLeakyReLU));
  plan->add(std::make_unique<Conv2d<float>>(ConvOptions{1, 4, 1, 0, false}));
  return plan;
}

// PyTorch's autograd differentiates its own graph of the gradient (create_graph).
void expect_like_torch(const std::string& name, const std::shared_ptr<const Plan>& plan) {
  const auto values = testing::torch_values("gradient_penalty").at(name);
  const std::int64_t batch = values.at("batch");
  const auto x = numbers<float>(values.at("x"));
  Network<float> network(plan);
  testing::load_state(values.at("state"), plan->parameters(), network.parameters());
  const ThreadBudget threads(2);
  const PassContext context{threads, true};
  GradientPenalty penalty(*plan, batch);
  for (const auto& [kind, target] : {std::pair{"r1", 0.0}, std::pair{"wgan_gp", 1.0}}) {
    const auto& expected = values.at(kind);
    std::vector<float> gradients(network.parameters().size());
    const double sum = penalty.add(network, context, batch, x, 1, target, gradients);
    EXPECT_NEAR(sum, expected.at("penalty"), 1e-5 * sum) << kind;
    testing::expect_state<float>(gradients, plan->parameters(), expected.at("gradients"), 1e-5);
    const double half = penalty.add(network, context, batch, x, -0.5, target, gradients);
    EXPECT_NEAR(half, -sum / 2, 1e-12);
  }
}

TEST(GradientPenalty, ValuesAndGradientsOfPyTorch) {
  testing::for_each_simd_target([] {
    expect_like_torch("mlp", mlp());
    expect_like_torch("dcgan", dcgan());
  });
}

// A linear D has the gradient w everywhere: the penalty is batch (|w| - target)^2.
TEST(GradientPenalty, OfALinearDiscriminator) {
  auto plan = std::make_shared<Plan>(Shape{4});
  plan->add(std::make_unique<Dense<float>>(1));
  Network<float> network(plan);
  const std::vector<float> w{1, -2, 4, 2, 7};  // and the bias
  std::ranges::copy(w, network.parameters().begin());
  const ThreadBudget threads(1);
  GradientPenalty penalty(*plan, 3);
  const auto x = random_values<float>(12, 1);
  std::vector<float> gradients(network.parameters().size());
  EXPECT_NEAR(penalty.add(network, {threads}, 3, x, 0.5, 1, gradients), 0.5 * 3 * 16, 1e-6);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(gradients[i], 3 * (1 - 0.2) * w[i], 1e-5);
  EXPECT_EQ(gradients[4], 0) << "the bias";
}

TEST(GradientPenalty, ADiscriminatorWithoutSlopeHasAPenaltyButNoDirection) {
  auto plan = std::make_shared<Plan>(Shape{4});
  plan->add(std::make_unique<Dense<float>>(1));
  const Network<float> network(plan);
  const ThreadBudget threads(1);
  GradientPenalty penalty(*plan, 3);
  std::vector<float> gradients(network.parameters().size());
  const std::vector<float> x(12, 1.0F);
  EXPECT_EQ(penalty.add(network, {threads}, 3, x, 1, 1, gradients), 3);
  for (const float value : gradients) EXPECT_EQ(value, 0);
}

TEST(GradientPenalty, InterpolationIsKeyedByTheSample) {
  const RandomKey key{.seed = 4, .purpose = RandomPurpose::kInterpolation, .step = 2};
  const auto real = random_values<float>(70, 1), fake = random_values<float>(70, 2);
  std::vector<float> shares(17);
  fill_uniform<float>(key, 0, 1, shares);
  for (const int count : {1, 3}) {
    auto mixed = real;
    interpolate(ThreadBudget(count), key, 10, 7, fake, mixed);
    for (std::size_t i = 0; i < 70; ++i) {
      const float share = shares[10 + i / 10];
      ASSERT_NEAR(mixed[i], share * real[i] + (1 - share) * fake[i], 1e-6);
    }
  }
  EXPECT_NE(shares[10], shares[11]);
}

}  // namespace
}  // namespace miniray
