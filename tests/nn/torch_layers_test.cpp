// Every layer, the loss and Adam against values that PyTorch computed.
#include <gtest/gtest.h>

#include "nn/activation.h"
#include "nn/adam.h"
#include "nn/batch_norm.h"
#include "nn/class_layers.h"
#include "nn/conditional_batch_norm.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/dropout.h"
#include "nn/loss.h"
#include "nn/minibatch_std_dev.h"
#include "nn/network.h"
#include "nn/pooling.h"
#include "nn/resampled_conv.h"
#include "nn/spectral_norm.h"
#include "support/simd_targets.h"
#include "support/torch_values.h"

namespace miniray {
namespace {

using testing::expect_close;
using testing::expect_state;
using testing::numbers;

constexpr double kTolerance = 3e-6;

// Runs one layer as the values' Sequential of one and compares all that it yields.
void expect_like_torch(const std::string& name, std::unique_ptr<Layer<float>> layer,
                       double tolerance = kTolerance, const std::string& file = "layers") {
  SCOPED_TRACE(name);
  const auto values = testing::torch_values(file).at(name);
  const std::int64_t batch = values.at("batch");
  Shape sample;
  for (const std::int64_t extent : values.at("sample")) sample.append(extent);
  auto plan = std::make_shared<NetworkPlan<float>>(sample);
  plan->add(std::move(layer));
  Network<float> network(plan);
  testing::load_state(values.at("state"), plan->parameters(), network.parameters());
  testing::load_state(values.at("state"), plan->statistics(), network.statistics());

  const ThreadBudget threads(2);
  const auto labels = numbers<std::int32_t>(values.value("labels", nlohmann::json::array()));
  const PassContext context{threads, values.at("training").get<bool>(), {}, {}, labels};
  PassBuffers<float> pass(*plan, batch, PassUse::kForwardAndBackward);
  const auto x = numbers<float>(values.at("x")), dy = numbers<float>(values.at("dy"));
  std::vector<float> y(dy.size()), dx(x.size()), gradients(network.parameters().size());
  network.forward(context, batch, x, y, pass);
  network.backward(context, batch, x, y, dy, dx, gradients, pass);
  if (context.training) network.update_statistics(batch, pass);

  expect_close<float>(y, values.at("y"), tolerance, "y");
  expect_close<float>(dx, values.at("dx"), tolerance, "dx");
  expect_state<float>(gradients, plan->parameters(), values.at("gradients"), tolerance);
  expect_state<float>(network.statistics(), plan->statistics(), values.at("state_after"),
                      tolerance);
}

TEST(TorchLayers, EveryLayerOnEveryTarget) {
  testing::for_each_simd_target([] {
    expect_like_torch("Linear", std::make_unique<Dense<float>>(5));
    expect_like_torch("BatchNorm1d", std::make_unique<BatchNorm1d<float>>());
    expect_like_torch("BatchNorm1d inference", std::make_unique<BatchNorm1d<float>>());
    expect_like_torch("ReLU", std::make_unique<Activation<float>>(ActivationKind::kReLU));
    expect_like_torch("LeakyReLU", std::make_unique<Activation<float>>(ActivationKind::kLeakyReLU));
    expect_like_torch("Tanh", std::make_unique<Activation<float>>(ActivationKind::kTanh));
    expect_like_torch("Sigmoid", std::make_unique<Activation<float>>(ActivationKind::kSigmoid));
    expect_like_torch("Dropout inference", std::make_unique<Dropout<float>>(0.3));
    expect_like_torch("BatchNorm2d", std::make_unique<BatchNorm2d<float>>());
    expect_like_torch("BatchNorm2d inference", std::make_unique<BatchNorm2d<float>>());
    expect_like_torch("Conv2d", std::make_unique<Conv2d<float>>(ConvOptions{5, 4, 2, 1}));
    expect_like_torch("Conv2d without bias",
                      std::make_unique<Conv2d<float>>(ConvOptions{3, 3, 1, 1, false}));
    expect_like_torch("AdaptiveAvgPool2d", std::make_unique<GlobalAveragePool<float>>(), kTolerance,
                      "classifier");
    expect_like_torch("ConvTranspose2d",
                      std::make_unique<ConvTranspose2d<float>>(ConvOptions{5, 4, 2, 1}));
    expect_like_torch("ConvTranspose2d without bias",
                      std::make_unique<ConvTranspose2d<float>>(ConvOptions{2, 4, 1, 0, false}));
  });
}

TEST(TorchLayers, OfResidualNetworksOnEveryTarget) {
  const auto normalised = [](std::unique_ptr<Layer<float>> layer) {
    return std::make_unique<SpectralNorm<float>>(std::move(layer));
  };
  const auto resampled = [](Resampling resampling, std::int64_t channels) {
    return std::make_unique<ResampledConv2d<float>>(ResampledConvOptions{resampling, channels});
  };
  testing::for_each_simd_target([&] {
    expect_like_torch("Upsample", std::make_unique<Upsample2d<float>>());
    expect_like_torch("AvgPool2d", std::make_unique<AvgPool2d<float>>());
    expect_like_torch("GlobalSumPool", std::make_unique<GlobalSumPool<float>>());
    // Its gradients are sums of 320 products, which PyTorch takes in another order.
    expect_like_torch("Conv2d behind Upsample", resampled(Resampling::kUp, 4), 1e-5);
    expect_like_torch("AvgPool2d behind Conv2d", resampled(Resampling::kDown, 4));
    expect_like_torch("Spectral Linear", normalised(std::make_unique<Dense<float>>(5)));
    expect_like_torch("Spectral Linear inference", normalised(std::make_unique<Dense<float>>(5)));
    expect_like_torch("Spectral Conv2d",
                      normalised(std::make_unique<Conv2d<float>>(ConvOptions{5, 3, 1, 1})));
    expect_like_torch("Spectral AvgPool2d behind Conv2d",
                      normalised(resampled(Resampling::kDown, 5)));
    expect_like_torch("ConditionalBatchNorm2d", std::make_unique<ConditionalBatchNorm2d<float>>(4));
    expect_like_torch("ConditionalBatchNorm2d inference",
                      std::make_unique<ConditionalBatchNorm2d<float>>(4));
    expect_like_torch("Embedding", std::make_unique<ClassEmbedding<float>>(4, 3));
    expect_like_torch("Embedding of pictures", std::make_unique<ClassEmbedding<float>>(4, 1));
    expect_like_torch("ClassProjection", std::make_unique<ClassProjection<float>>(4));
    expect_like_torch("MinibatchStdDev", std::make_unique<MinibatchStdDev<float>>());
  });
}

TEST(TorchLoss, BceWithLogits) {
  const auto values = testing::torch_values("losses");
  const auto logits = numbers<float>(values.at("logits"));
  for (const auto& expected : values.at("cases")) {
    std::vector<float> gradient(logits.size());
    const double loss = bce_with_logits<float>(logits, expected.at("target"), gradient);
    const double expected_loss = expected.at("loss");
    EXPECT_NEAR(loss, expected_loss, 1e-6 * expected_loss);
    expect_close<float>(gradient, expected.at("gradient"), 1e-7, "gradient");
  }
}

TEST(TorchLoss, SoftmaxCrossEntropy) {
  const auto values = testing::torch_values("classifier");
  const auto logits = numbers<float>(values.at("logits"));
  std::vector<float> gradient(logits.size());
  const double loss = softmax_cross_entropy<float>(
      logits, values.at("labels").get<std::vector<std::int32_t>>(), gradient);
  EXPECT_NEAR(loss, values.at("loss"), 1e-6 * loss);
  expect_close<float>(gradient, values.at("gradient"), 1e-7, "gradient");
}

TEST(TorchAdam, TenSteps) {
  const auto values = testing::torch_values("adam");
  auto w = numbers<float>(values.at("before"));
  Adam<float> adam({.lr = values.at("lr")}, static_cast<std::int64_t>(w.size()));
  const ThreadBudget threads(1);
  for (std::size_t step = 0; step < 10; ++step) {
    auto g = numbers<float>(values.at("gradients")[step]);
    adam.step(threads, w, g);
    expect_close<float>(w, values.at("weights")[step], 2e-7, "weights");
    EXPECT_EQ(g, std::vector<float>(g.size()));
  }
  EXPECT_EQ(adam.steps(), 10);
}

}  // namespace
}  // namespace miniray
