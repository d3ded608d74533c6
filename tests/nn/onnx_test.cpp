// Layers against the node tests of the ONNX project, in the folder that MINIRAY_ONNX_NODE_TESTS
// names or where Debian's libonnx-testdata has them. Of its cases these are the ones that our
// layers can express: not those with unequal strides or paddings on the two axes, dilations,
// groups, output_padding, pooling or up-sampling by other factors than 2, or another epsilon than
// 1e-5.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/network.h"
#include "nn/pooling.h"
#include "support/onnx_tensor.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

using testing::OnnxTensor;
using testing::read_onnx_tensor;
using LayerMaker = std::function<std::unique_ptr<Layer<float>>()>;

struct Case {
  std::string name;
  LayerMaker layer;
  // Where its inputs behind the first belong.
  std::vector<std::string> parameters{}, statistics{};
  bool training = false;
};

template <class LayerType, class... Arguments>
LayerMaker maker(Arguments... arguments) {
  return [=] { return std::make_unique<LayerType>(arguments...); };
}

LayerMaker activation(ActivationKind kind, double slope = 0.2) {
  return maker<Activation<float>>(kind, slope);
}

// Channels, kernel, stride, padding; no bias.
template <template <class> class Convolution>
LayerMaker convolution(std::int64_t channels, std::int64_t kernel, std::int64_t stride,
                       std::int64_t padding) {
  return maker<Convolution<float>>(ConvOptions{channels, kernel, stride, padding, false});
}

std::vector<Case> cases() {
  const std::vector<std::string> weight{"weight"}, both{"weight", "bias"};
  const std::vector<std::string> running{"running_mean", "running_var"};
  return {
      {"test_basic_conv_with_padding", convolution<Conv2d>(1, 3, 1, 1), weight},
      {"test_basic_conv_without_padding", convolution<Conv2d>(1, 3, 1, 0), weight},
      {"test_conv_with_strides_padding", convolution<Conv2d>(1, 3, 2, 1), weight},
      {"test_conv_with_strides_no_padding", convolution<Conv2d>(1, 3, 2, 0), weight},
      {"test_convtranspose", convolution<ConvTranspose2d>(2, 3, 1, 0), weight},
      {"test_batchnorm_example", maker<BatchNorm2d<float>>(), both, running},
      {"test_batchnorm_example_training_mode", maker<BatchNorm2d<float>>(), both, running, true},
      {"test_gemm_transposeB", maker<Dense<float>>(std::int64_t{4}), both},
      {"test_globalaveragepool", maker<GlobalAveragePool<float>>()},
      {"test_relu", activation(ActivationKind::kReLU)},
      {"test_leakyrelu", activation(ActivationKind::kLeakyReLU, 0.1)},
      {"test_leakyrelu_default", activation(ActivationKind::kLeakyReLU, 0.01)},
      {"test_leakyrelu_example", activation(ActivationKind::kLeakyReLU, 0.1)},
      {"test_tanh", activation(ActivationKind::kTanh)},
      {"test_tanh_example", activation(ActivationKind::kTanh)},
      {"test_sigmoid", activation(ActivationKind::kSigmoid)},
      {"test_sigmoid_example", activation(ActivationKind::kSigmoid)},
  };
}

std::filesystem::path node_tests() {
  const char* const given = std::getenv("MINIRAY_ONNX_NODE_TESTS");
  return given != nullptr ? given : "/usr/share/libonnx-testdata/data/node";
}

// Input `first`, and those behind it, into the slices of these names.
void load(const std::filesystem::path& folder, int first, const std::vector<std::string>& names,
          const SliceTable& table, std::span<float> buffer) {
  for (const std::string& name : names) {
    const OnnxTensor tensor =
        read_onnx_tensor(folder / ("input_" + std::to_string(first++) + ".pb"));
    const auto slice = std::ranges::find(table.slices(), "0." + name, &Slice::name);
    ASSERT_NE(slice, table.slices().end()) << name;
    const std::span<float> to = slice_of(buffer, *slice);
    ASSERT_EQ(to.size(), tensor.values.size()) << name;
    std::ranges::copy(tensor.values, to.begin());
  }
}

void expect_as_published(const Case& test) {
  const std::filesystem::path folder = node_tests() / test.name / "test_data_set_0";
  const OnnxTensor x = read_onnx_tensor(folder / "input_0.pb");
  const OnnxTensor y = read_onnx_tensor(folder / "output_0.pb");
  Shape sample;
  for (std::size_t i = 1; i < x.dims.size(); ++i) sample.append(x.dims[i]);
  if (x.dims.size() == 1) sample.append(1);
  auto plan = std::make_shared<NetworkPlan<float>>(sample);
  plan->add(test.layer());
  Network<float> network(plan);
  load(folder, 1, test.parameters, plan->parameters(), network.parameters());
  load(folder, 1 + static_cast<int>(test.parameters.size()), test.statistics, plan->statistics(),
       network.statistics());

  const std::int64_t batch = x.dims.front();
  ASSERT_EQ(static_cast<std::size_t>(batch * plan->output_shape().elements()), y.values.size());
  const ThreadBudget threads(2);
  PassBuffers<float> pass(*plan, batch, PassUse::kForwardOnly);
  std::vector<float> found(y.values.size());
  network.forward({.threads = threads, .training = test.training}, batch, x.values, found, pass);
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(found[i], y.values[i], 1e-5 * std::max(1.0F, std::abs(y.values[i]))) << i;
  }
}

TEST(OnnxNodeTests, LayersThatCanExpressThem) {
  if (!std::filesystem::is_directory(node_tests())) GTEST_SKIP() << "no " << node_tests();
  for (const Case& test : cases()) {
    SCOPED_TRACE(test.name);
    testing::for_each_simd_target([&] { expect_as_published(test); });
  }
}

}  // namespace
}  // namespace miniray
