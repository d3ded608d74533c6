// Layers against the tests of operators that the ONNX project publishes (onnx/backend/test/data: a
// folder each, with model.onnx and tensors), in the folder that MINIRAY_ONNX_TESTS names or where
// Debian's libonnx-testdata has them. What an operator does stands in its model.onnx; every case of
// one operator that a layer of ours can express is run. Not those of other than two axes, with
// unequal kernels, strides or paddings on the two, with dilations, groups or output_padding,
// pooling by other than 2x2, or another epsilon than 1e-5.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/dropout.h"
#include "nn/network.h"
#include "nn/pooling.h"
#include "support/onnx_model.h"
#include "support/simd_targets.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::OnnxModel;
using testing::OnnxNode;
using testing::OnnxTensor;
using Ints = std::vector<std::int64_t>;

// A model of one operator and what goes in and comes out.
struct Published {
  OnnxNode node;
  std::vector<OnnxTensor> operands, results;
};

// What a layer makes of it.
struct Expressed {
  std::unique_ptr<Layer<float>> layer;
  // Where its operands behind the first belong, those that are there.
  std::vector<std::string> parameters{}, statistics{};
  bool training = false;
};

bool all_are(const Ints& values, std::int64_t wanted) {
  return std::ranges::all_of(values, [&](std::int64_t value) { return value == wanted; });
}

// The padding of both axes on either side, where that is one number.
std::optional<std::int64_t> padding_of(const Published& test, std::int64_t kernel,
                                       std::int64_t stride) {
  const std::string automatic = test.node.text("auto_pad", "NOTSET");
  Ints pads = test.node.ints("pads", {0, 0, 0, 0});
  if (automatic.starts_with("SAME") && test.node.op == "Conv") {
    pads.clear();
    for (const std::size_t axis : {2, 3}) {
      const std::int64_t size = test.operands[0].dims[axis];
      const std::int64_t all = ((size + stride - 1) / stride - 1) * stride + kernel - size;
      for (const std::int64_t side : {all / 2, all - all / 2}) pads.push_back(side);
    }
  } else if (automatic != "NOTSET" && automatic != "VALID") {
    return std::nullopt;
  }
  if (!all_are(pads, pads.front()) || pads.front() < 0) return std::nullopt;
  return pads.front();
}

template <template <class> class Convolution>
std::optional<Expressed> convolution(const Published& test, std::size_t channel_axis) {
  const Ints& dims = test.operands.at(1).dims;
  const Ints strides = test.node.ints("strides", {1, 1});
  if (dims.size() != 4 || dims[2] != dims[3] || !all_are(strides, strides.front()) ||
      test.node.integer("group", 1) != 1 || !all_are(test.node.ints("dilations", {1}), 1) ||
      !all_are(test.node.ints("output_padding", {0}), 0) ||
      test.node.attributes.contains("output_shape")) {
    return std::nullopt;
  }
  const auto padding = padding_of(test, dims[2], strides.front());
  if (!padding) return std::nullopt;
  const ConvOptions options{.channels = dims[channel_axis],
                            .kernel = dims[2],
                            .stride = strides.front(),
                            .padding = *padding,
                            .bias = test.operands.size() > 2};
  return Expressed{std::make_unique<Convolution<float>>(options), {"weight", "bias"}};
}

std::optional<Expressed> batch_norm(const Published& test) {
  const bool training = test.node.integer("training_mode", 0) == 1;
  if (test.operands[0].dims.size() != 4 ||
      std::abs(test.node.number("epsilon", 1e-5F) - 1e-5F) > 1e-9F ||
      (training && test.node.number("momentum", 0.9F) != 0.9F)) {
    return std::nullopt;
  }
  return Expressed{std::make_unique<BatchNorm2d<float>>(),
                   {"weight", "bias"},
                   {"running_mean", "running_var"},
                   training};
}

// Weights that stand [in, out] are turned to stand as Dense has them.
std::optional<Expressed> dense(Published& test) {
  OnnxTensor& w = test.operands.at(1);
  if (test.operands[0].dims.size() != 2 || w.dims.size() != 2 ||
      test.node.number("alpha", 1) != 1 || test.node.number("beta", 1) != 1 ||
      test.node.integer("transA", 0) != 0) {
    return std::nullopt;
  }
  if (test.node.integer("transB", 0) == 0) {
    const OnnxTensor before = w;
    const auto in = static_cast<std::size_t>(w.dims[0]), out = static_cast<std::size_t>(w.dims[1]);
    for (std::size_t i = 0; i < before.values.size(); ++i) {
      w.values[i % out * in + i / out] = before.values[i];
    }
    w.dims = {before.dims[1], before.dims[0]};
  }
  if (test.operands.size() > 2 &&
      test.operands[2].values.size() != static_cast<std::size_t>(w.dims[0])) {
    return std::nullopt;
  }
  return Expressed{std::make_unique<Dense<float>>(w.dims[0]), {"weight", "bias"}};
}

std::optional<Expressed> pool(const Published& test) {
  const Ints& dims = test.operands[0].dims;
  const bool halves = test.node.ints("kernel_shape", {}) == Ints{2, 2} &&
                      test.node.ints("strides", {1, 1}) == Ints{2, 2} &&
                      all_are(test.node.ints("pads", {0}), 0) &&
                      test.node.text("auto_pad", "NOTSET") == "NOTSET";
  if (!halves || dims[2] % 2 != 0 || dims[3] % 2 != 0) return std::nullopt;
  return Expressed{std::make_unique<AvgPool2d<float>>()};
}

Expressed activation(ActivationKind kind, double slope = 0.2) {
  return {std::make_unique<Activation<float>>(kind, slope)};
}

std::optional<Expressed> express(Published& test) {
  const std::string& op = test.node.op;
  if (op == "Conv") return convolution<Conv2d>(test, 0);
  if (op == "ConvTranspose") return convolution<ConvTranspose2d>(test, 1);
  if (op == "BatchNormalization") return batch_norm(test);
  if (op == "Gemm" || op == "MatMul") return dense(test);
  if (op == "AveragePool") return pool(test);
  if (op == "GlobalAveragePool") return Expressed{std::make_unique<GlobalAveragePool<float>>()};
  if (op == "Relu") return activation(ActivationKind::kReLU);
  if (op == "LeakyRelu") {
    return activation(ActivationKind::kLeakyReLU, test.node.number("alpha", 0.01F));
  }
  if (op == "Tanh") return activation(ActivationKind::kTanh);
  if (op == "Sigmoid") return activation(ActivationKind::kSigmoid);
  // Of a third operand it is one in training, by random numbers of their own.
  if (op == "Dropout" && test.operands.size() < 3) {
    return Expressed{std::make_unique<Dropout<float>>(0.5)};
  }
  return std::nullopt;
}

constexpr const char* kOperators[] = {
    "Conv",    "ConvTranspose", "BatchNormalization", "Gemm", "MatMul",
    "Dropout", "AveragePool",   "GlobalAveragePool",  "Relu", "LeakyRelu",
    "Tanh",    "Sigmoid"};

std::vector<OnnxTensor> read_tensors(const fs::path& folder, const std::string& kind) {
  std::vector<OnnxTensor> tensors;
  for (std::size_t i = 0;; ++i) {
    const fs::path path = folder / (kind + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) return tensors;
    tensors.push_back(testing::parse_onnx_tensor(testing::read_bytes(path)));
  }
}

// Nothing where the folder's model is of another operator, or of several.
std::optional<Published> read_published(const fs::path& folder) {
  const OnnxModel model = testing::read_onnx_model(folder / "model.onnx");
  if (model.nodes.size() != 1 || std::ranges::count(kOperators, model.nodes.front().op) == 0) {
    return std::nullopt;
  }
  const fs::path data = folder / "test_data_set_0";
  Published test{model.nodes.front(), {}, read_tensors(data, "output")};
  std::vector<OnnxTensor> given = read_tensors(data, "input"), named = model.tensors;
  auto next = given.begin();
  for (const std::string& name : model.inputs) {
    if (std::ranges::count(named, name, &OnnxTensor::name) > 0) continue;
    if (next == given.end()) throw std::runtime_error("there is no input for " + name);
    next->name = name;
    named.push_back(*next++);
  }
  for (const std::string& name : test.node.inputs) {
    const auto operand = std::ranges::find(named, name, &OnnxTensor::name);
    if (operand == named.end()) throw std::runtime_error("there is no operand " + name);
    test.operands.push_back(*operand);
  }
  return test;
}

// Operands from number `first` on into the slices of these names.
void load(const Published& test, std::size_t first, const std::vector<std::string>& names,
          const SliceTable& table, std::span<float> buffer) {
  for (std::size_t i = 0; i < names.size() && first + i < test.operands.size(); ++i) {
    const auto slice = std::ranges::find(table.slices(), "0." + names[i], &Slice::name);
    ASSERT_NE(slice, table.slices().end()) << names[i];
    const std::vector<float>& values = test.operands[first + i].values;
    ASSERT_EQ(slice->size(), static_cast<std::int64_t>(values.size())) << names[i];
    write_slice<float>(values, *slice, buffer);
  }
}

void expect_near(std::span<const float> found, std::span<const float> expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], 1e-5 * std::max(1.0F, std::abs(expected[i]))) << i;
  }
}

// ONNX keeps the batch's own variance, PyTorch and we the unbiased one.
void expect_statistics(const Published& test, const Network<float>& network, std::int64_t values) {
  const SliceTable& table = network.plan().statistics();
  expect_near(slice_of(network.statistics(), table.find("0.running_mean")), test.results[1].values);
  const std::vector<float>& before = test.operands[4].values;
  std::vector<float> unbiased = test.results[2].values;
  for (std::size_t i = 0; i < unbiased.size(); ++i) {
    unbiased[i] += (unbiased[i] - 0.9F * before[i]) / static_cast<float>(values - 1);
  }
  expect_near(slice_of(network.statistics(), table.find("0.running_var")), unbiased);
}

void expect_as_published(const Published& test, Expressed expressed) {
  const OnnxTensor& x = test.operands.front();
  Shape sample;
  for (std::size_t i = 1; i < x.dims.size(); ++i) sample.append(x.dims[i]);
  if (x.dims.size() == 1) sample.append(1);
  auto plan = std::make_shared<NetworkPlan<float>>(sample);
  plan->add(std::move(expressed.layer));
  Network<float> network(plan);
  load(test, 1, expressed.parameters, plan->parameters(), network.parameters());
  load(test, 1 + expressed.parameters.size(), expressed.statistics, plan->statistics(),
       network.statistics());

  const std::int64_t batch = x.dims.front();
  const ThreadBudget threads(2);
  PassBuffers<float> pass(*plan, batch, PassUse::kForwardOnly);
  std::vector<float> y(static_cast<std::size_t>(batch * plan->output_shape().elements()));
  network.forward({.threads = threads, .training = expressed.training}, batch, x.values, y, pass);
  expect_near(y, test.results.front().values);
  if (!expressed.training) return;
  network.update_statistics(batch, pass);
  expect_statistics(test, network, batch * sample.elements() / sample[0]);
}

TEST(OnnxTests, OfEveryOperatorThatALayerExpresses) {
  const char* const given = std::getenv("MINIRAY_ONNX_TESTS");
  const fs::path root = given != nullptr ? given : "/usr/share/libonnx-testdata/data";
  if (given == nullptr && !fs::is_directory(root)) GTEST_SKIP() << "no " << root;
  ASSERT_TRUE(fs::is_directory(root)) << "MINIRAY_ONNX_TESTS names no folder: " << root;
  std::multiset<std::string> run;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().filename() != "model.onnx") continue;
    const fs::path folder = entry.path().parent_path();
    SCOPED_TRACE(folder.filename().string());
    const auto published = read_published(folder);
    if (!published) continue;
    if (Published test = *published; !express(test)) continue;
    run.insert(published->node.op);
    testing::for_each_simd_target([&] {
      Published test = *published;
      auto expressed = express(test);
      expect_as_published(test, std::move(*expressed));
    });
  }
  for (const char* const op : kOperators) EXPECT_GT(run.count(op), 0U) << op << " in " << root;
  RecordProperty("cases", static_cast<int>(run.size()));
}

}  // namespace
}  // namespace miniray
