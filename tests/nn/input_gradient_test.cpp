// Gradients of input gradients, against finite differences in double precision.
#include "nn/input_gradient.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/class_layers.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/dropout.h"
#include "nn/pooling.h"
#include "nn/resampled_conv.h"
#include "nn/spectral_norm.h"
#include "support/expect_error.h"
#include "support/random_values.h"

namespace miniray {
namespace {

using testing::random_values;
using Plan = NetworkPlan<double>;

std::unique_ptr<Layer<double>> act(ActivationKind kind) {
  return std::make_unique<Activation<double>>(kind);
}

std::shared_ptr<Plan> mlp_discriminator() {
  auto plan = std::make_shared<Plan>(Shape{2, 3, 3});
  for (const std::int64_t width : {11, 7}) {
    plan->add(std::make_unique<Dense<double>>(width));
    plan->add(act(ActivationKind::kLeakyReLU));
    plan->add(std::make_unique<Dropout<double>>(0.3));
  }
  plan->add(std::make_unique<Dense<double>>(1));
  return plan;
}

std::shared_ptr<Plan> dcgan_discriminator() {
  auto plan = std::make_shared<Plan>(Shape{2, 8, 8});
  plan->add(std::make_unique<Conv2d<double>>(ConvOptions{3, 4, 2, 1, false}));
  plan->add(act(ActivationKind::kLeakyReLU));
  plan->add(std::make_unique<Conv2d<double>>(ConvOptions{4, 3, 1, 1}));
  plan->add(act(ActivationKind::kReLU));
  plan->add(std::make_unique<Conv2d<double>>(ConvOptions{.channels = 1, .kernel = 4}));
  return plan;
}

// An elementwise layer in front of all, and at the end; outputs of several values.
std::shared_ptr<Plan> odd_chain() {
  auto plan = std::make_shared<Plan>(Shape{9});
  plan->add(std::make_unique<Dropout<double>>(0.2));
  plan->add(std::make_unique<Dense<double>>(6));
  plan->add(act(ActivationKind::kLeakyReLU));
  plan->add(std::make_unique<Dense<double>>(3));
  plan->add(act(ActivationKind::kLeakyReLU));
  return plan;
}

std::unique_ptr<Layer<double>> spectral(std::unique_ptr<Layer<double>> layer) {
  return std::make_unique<SpectralNorm<double>>(std::move(layer));
}

std::unique_ptr<Layer<double>> convolution(std::int64_t channels, std::int64_t kernel) {
  return spectral(
      std::make_unique<Conv2d<double>>(ConvOptions{channels, kernel, 1, (kernel - 1) / 2}));
}

// Spectral norm, residual blocks with and without a convolution beside them, all kinds of pooling,
// and the projection of a class.
std::shared_ptr<Plan> resnet_discriminator() {
  using enum ActivationKind;
  auto plan = std::make_shared<Plan>(Shape{2, 8, 8});
  const Value image = plan->fork();
  plan->add(convolution(3, 3));
  plan->add(act(kReLU));
  plan->add(spectral(std::make_unique<ResampledConv2d<double>>(
      ResampledConvOptions{.resampling = Resampling::kDown, .channels = 3})));
  const Value branch = plan->fork();
  plan->add(std::make_unique<AvgPool2d<double>>(), {.from = image});
  plan->add(convolution(3, 1), {.plus = branch});
  const Value x = plan->fork();
  plan->add(act(kLeakyReLU), {.from = x});
  plan->add(convolution(3, 3));
  plan->add(act(kReLU));
  plan->add(convolution(3, 3), {.plus = x});
  plan->add(act(kReLU));
  plan->add(std::make_unique<GlobalSumPool<double>>());
  const Value features = plan->fork();
  plan->add(spectral(std::make_unique<Dense<double>>(1)));
  const Value logit = plan->fork();
  plan->add(std::make_unique<ClassProjection<double>>(3), {.from = features, .plus = logit});
  return plan;
}

// A class by concatenation.
std::shared_ptr<Plan> conditional_discriminator() {
  auto plan = std::make_shared<Plan>(Shape{2, 4, 4});
  plan->add(std::make_unique<ClassEmbedding<double>>(3, 2));
  plan->add(std::make_unique<Conv2d<double>>(ConvOptions{3, 3, 1, 1}));
  plan->add(act(ActivationKind::kLeakyReLU));
  plan->add(std::make_unique<Dense<double>>(1));
  return plan;
}

std::vector<std::shared_ptr<Plan>> all_plans() {
  return {mlp_discriminator(), dcgan_discriminator(), odd_chain(), resnet_discriminator(),
          conditional_discriminator()};
}

// The penalty sum over samples of (|g| - target)^2, by parameters.
class PenaltyCheck {
 public:
  explicit PenaltyCheck(std::shared_ptr<const Plan> plan)
      : training_(plan->statistics().slices().empty()),
        network_(plan),
        gradient_of_(*plan, kBatch),
        x_(random_values<double>(static_cast<std::size_t>(kBatch * plan->input_shape().elements()),
                                 1)),
        g_(x_.size()) {
    network_.init(3, 0);
    const auto noise = random_values<double>(network_.parameters().size(), 4);
    for (std::size_t i = 0; i < noise.size(); ++i) network_.parameters()[i] += 0.3 * noise[i];
    settle_statistics();
  }

  void run(double target) {
    penalty(target);
    // By hand: v, the penalty's gradient by g, is held constant.
    std::vector<double> v = g_, gradients(network_.parameters().size());
    const std::size_t size = v.size() / kBatch;
    for (std::size_t i = 0; i < v.size(); ++i) v[i] *= 2 * (1 - target / norm(i / size));
    gradient_of_.add_gradients(network_, context_, kBatch, v, gradients);
    std::vector<double> twice = gradients;
    gradient_of_.add_gradients(network_, context_, kBatch, v, twice);
    double largest = 0;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const double expected = difference(i, target);
      ASSERT_NEAR(gradients[i], expected, 2e-6 * std::max(1.0, std::abs(expected)))
          << "parameter " << i;
      ASSERT_NEAR(twice[i], 2 * gradients[i], 1e-12) << "gradients add";
      largest = std::max(largest, std::abs(gradients[i]));
    }
    EXPECT_GT(largest, 0.01);
  }

  void expect_input_gradient() {
    penalty(0);
    const auto g = g_;
    std::vector<double> ends(2);
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const double value = x_[i];
      for (const int side : {0, 1}) {
        x_[i] = value + (side == 0 ? kStep : -kStep);
        ends[static_cast<std::size_t>(side)] = output_sum();
      }
      x_[i] = value;
      ASSERT_NEAR(g[i], (ends[0] - ends[1]) / (2 * kStep), 1e-8) << i;
    }
  }

 private:
  // Spectral norm's vectors begin far from singular ones.
  void settle_statistics() {
    PassContext training = context_;
    training.training = true;
    PassBuffers<double> pass(network_.plan(), kBatch, PassUse::kForwardOnly);
    std::vector<double> y(
        static_cast<std::size_t>(kBatch * network_.plan().output_shape().elements()));
    for (int i = 0; i < 10; ++i) {
      network_.forward(training, kBatch, x_, y, pass);
      network_.update_statistics(kBatch, pass);
    }
  }

  static constexpr std::int64_t kBatch = 5;
  static constexpr double kStep = 1e-5;

  double output_sum() {
    PassBuffers<double> pass(network_.plan(), kBatch, PassUse::kForwardOnly);
    std::vector<double> y(
        static_cast<std::size_t>(kBatch * network_.plan().output_shape().elements()));
    network_.forward(context_, kBatch, x_, y, pass);
    double sum = 0;
    for (const double value : y) sum += value;
    return sum;
  }

  double norm(std::size_t row) const {
    const std::size_t size = g_.size() / kBatch;
    double squares = 0;
    for (std::size_t i = row * size; i < (row + 1) * size; ++i) squares += g_[i] * g_[i];
    return std::sqrt(squares);
  }

  double penalty(double target) {
    gradient_of_.compute(network_, context_, kBatch, x_, g_);
    double sum = 0;
    for (std::size_t row = 0; row < kBatch; ++row) sum += std::pow(norm(row) - target, 2);
    return sum;
  }

  double difference(std::size_t i, double target) {
    double& weight = network_.parameters()[i];
    const double value = weight;
    weight = value + kStep;
    const double above = penalty(target);
    weight = value - kStep;
    const double below = penalty(target);
    weight = value;
    return (above - below) / (2 * kStep);
  }

  ThreadBudget threads_{1};
  const std::vector<std::int32_t> labels_{0, 2, 1, 1, 2};
  // In training, spectral norm takes vectors as constant that do depend on the weights.
  const bool training_;
  const PassContext context_{
      threads_, training_, {.seed = 7, .purpose = RandomPurpose::kDropout}, {}, labels_};
  Network<double> network_;
  InputGradient<double> gradient_of_;
  std::vector<double> x_, g_;
};

TEST(InputGradient, ByFiniteDifferences) {
  for (const auto& plan : all_plans()) {
    PenaltyCheck(plan).expect_input_gradient();
  }
}

TEST(InputGradient, ParameterGradientsOfPenaltiesByFiniteDifferences) {
  for (const auto& plan : all_plans()) {
    PenaltyCheck(plan).run(0);
    PenaltyCheck(plan).run(1);
  }
}

TEST(InputGradient, RefusesLayersThatBend) {
  for (const bool norm : {true, false}) {
    auto plan = std::make_shared<Plan>(Shape{6});
    plan->add(std::make_unique<Dense<double>>(4));
    norm ? plan->add(std::make_unique<BatchNorm1d<double>>())
         : plan->add(act(ActivationKind::kTanh));
    testing::expect_error(
        ErrorKind::kInvalidArgument,
        norm ? "layer 1 of this one is BatchNorm1d" : "layer 1 of this one is Tanh",
        [&] { InputGradient<double>(*plan, 4); });
  }
}

}  // namespace
}  // namespace miniray
