#include "nn/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/class_layers.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/dropout.h"
#include "nn/loss.h"
#include "support/expect_error.h"
#include "support/random_values.h"

namespace miniray {
namespace {

using testing::random_values;

std::shared_ptr<NetworkPlan<float>> small_plan() {
  auto plan = std::make_shared<NetworkPlan<float>>(Shape{2, 3});
  plan->add(std::make_unique<Dense<float>>(10));
  plan->add(std::make_unique<BatchNorm1d<float>>());
  plan->add(std::make_unique<Dropout<float>>(0.5));
  plan->add(std::make_unique<Dense<float>>(3));
  return plan;
}

TEST(NetworkPlan, NamesSlicesAsTorchDoes) {
  const auto plan = small_plan();
  std::vector<std::string> names;
  for (const Slice& slice : plan->parameters().slices()) names.push_back(slice.name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "3.weight",
                                             "3.bias"}));
  EXPECT_EQ(plan->parameters().find("0.weight").shape, Shape({10, 6}));
  EXPECT_EQ(plan->statistics().slices().size(), 2U);
  EXPECT_EQ(plan->output_shape(), Shape({3}));
}

TEST(NetworkPlan, RefusesALayerThatDoesNotFit) {
  NetworkPlan<float> plan(Shape{3, 4});
  testing::expect_error(ErrorKind::kInvalidArgument, "3x4",
                        [&] { plan.add(std::make_unique<BatchNorm1d<float>>()); });
}

// torch.nn.Linear: uniform in +-1/sqrt(in), whose variance is 1 / (3 in).
TEST(NetworkInit, FollowsTorchAndTheSeed) {
  auto plan = std::make_shared<NetworkPlan<float>>(Shape{400});
  plan->add(std::make_unique<Dense<float>>(200));
  plan->add(std::make_unique<BatchNorm1d<float>>());
  Network<float> a(plan), b(plan), other_stream(plan), other_seed(plan);
  a.init(1, 0);
  b.init(1, 0);
  other_stream.init(1, 1);
  other_seed.init(2, 0);
  const auto weight = [&](const Network<float>& network) {
    const auto slice = slice_of(network.parameters(), plan->parameters().find("0.weight"));
    return std::vector<float>(slice.begin(), slice.end());
  };
  EXPECT_EQ(weight(a), weight(b));
  EXPECT_NE(weight(a), weight(other_stream));
  EXPECT_NE(weight(a), weight(other_seed));
  double sum = 0, squares = 0;
  for (const float w : weight(a)) {
    ASSERT_LE(std::abs(w), 0.05F);
    sum += w;
    squares += static_cast<double>(w) * w;
  }
  EXPECT_NEAR(sum / 80'000, 0, 5 * std::sqrt(1 / 1200.0 / 80'000));
  EXPECT_NEAR(squares / 80'000, 1 / 1200.0, 0.02 / 1200);
  for (const float g : slice_of(a.parameters(), plan->parameters().find("1.weight"))) {
    EXPECT_EQ(g, 1);
  }
  for (const float v : slice_of(a.statistics(), plan->statistics().find("1.running_var"))) {
    EXPECT_EQ(v, 1);
  }
}

TEST(NetworkPass, TwoPassesOfOneNetworkDoNotDisturbEachOther) {
  const auto plan = small_plan();
  Network<float> network(plan);
  network.init(1, 0);
  const ThreadBudget threads(1);
  const PassContext context{threads, true, {.seed = 1, .purpose = RandomPurpose::kDropout}};
  const auto x = random_values<float>(24, 1), other = random_values<float>(24, 2);
  const auto dy = random_values<float>(12, 3);
  const auto gradient = [&](bool disturb) {
    PassBuffers<float> pass(*plan, 4, PassUse::kForwardAndBackward);
    PassBuffers<float> second(*plan, 4, PassUse::kForwardAndBackward);
    std::vector<float> y(12), y2(12), dx(24), gradients(network.parameters().size());
    network.forward(context, 4, x, y, pass);
    if (disturb) network.forward(context, 4, other, y2, second);
    network.backward(context, 4, x, y, dy, dx, gradients, pass);
    return gradients;
  };
  EXPECT_EQ(gradient(false), gradient(true));
}

// Whether the memory lent has room for all gradients, for some of them or for none.
TEST(NetworkPass, GradientsStandInLentMemoryAsFarAsItGoes) {
  const auto plan = small_plan();
  Network<float> network(plan);
  network.init(1, 0);
  const ThreadBudget threads(1);
  const PassContext context{threads, true, {.seed = 1, .purpose = RandomPurpose::kDropout}};
  const auto x = random_values<float>(24, 1), dy = random_values<float>(12, 3);
  const auto gradient = [&](std::span<std::byte> lent) {
    PassBuffers<float> pass(*plan, 4, PassUse::kForwardAndBackward, {.lent = lent});
    std::vector<float> y(12), dx(24), gradients(network.parameters().size());
    network.forward(context, 4, x, y, pass);
    network.backward(context, 4, x, y, dy, dx, gradients, pass);
    return gradients;
  };
  const auto expected = gradient({});
  const AlignedBytes memory(1 << 16);
  const auto used = [&] {
    return std::ranges::any_of(std::span(memory.data(), memory.size()),
                               [](std::byte byte) { return byte != std::byte{0}; });
  };
  EXPECT_EQ(gradient({memory.data(), 16}), expected);
  EXPECT_FALSE(used());
  const PassBuffers<float> pass(*plan, 4, PassUse::kForwardAndBackward);
  const std::int64_t first_slot = 4 * pass.gradient_plan().slot_sizes.front();
  ASSERT_GT(pass.gradient_plan().slot_sizes.size(), 1U);
  EXPECT_EQ(gradient({memory.data(), static_cast<std::size_t>(first_slot) * sizeof(float) + 64}),
            expected);
  EXPECT_TRUE(used());
  EXPECT_EQ(gradient({memory.data(), memory.size()}), expected);
}

TEST(NetworkPass, RunningStatisticsChangeOnlyWhenAsked) {
  const auto plan = small_plan();
  Network<float> network(plan);
  network.init(1, 0);
  const std::vector<float> before(network.statistics().begin(), network.statistics().end());
  const ThreadBudget threads(1);
  PassBuffers<float> pass(*plan, 4, PassUse::kForwardOnly);
  std::vector<float> y(12);
  network.forward({threads, true}, 4, random_values<float>(24, 1), y, pass);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), network.statistics().begin()));
  network.update_statistics(4, pass);
  EXPECT_FALSE(std::equal(before.begin(), before.end(), network.statistics().begin()));
}

TEST(Dropout, OneBatchEqualsTwoHalves) {
  auto plan = std::make_shared<NetworkPlan<float>>(Shape{13});
  plan->add(std::make_unique<Dropout<float>>(0.4));
  const Network<float> network(plan);
  const ThreadBudget threads(2);
  const RandomKey key{.seed = 4, .purpose = RandomPurpose::kDropout, .step = 9};
  const std::vector<float> ones(13 * 40, 1.0F);
  PassBuffers<float> pass(*plan, 40, PassUse::kForwardOnly);
  std::vector<float> whole(13 * 40), halves(13 * 40);
  network.forward({threads, true, key}, 40, ones, whole, pass);
  const std::span<const float> x(ones);
  const std::span<float> y(halves);
  network.forward({threads, true, key}, 20, part(x, 0, 260), part(y, 0, 260), pass);
  network.forward({threads, true, key, {.first = 20}}, 20, part(x, 260, 260), part(y, 260, 260),
                  pass);
  EXPECT_EQ(whole, halves);
  // Rows 5 to 9 and 30 to 34 as one batch of two parts.
  std::vector<float> parts(13 * 10);
  network.forward({threads, true, key, {.first = 5, .split = 5, .second = 30}}, 10, part(x, 0, 130),
                  parts, pass);
  EXPECT_TRUE(std::equal(parts.begin(), parts.begin() + 65, whole.begin() + 13 * 5));
  EXPECT_TRUE(std::equal(parts.begin() + 65, parts.end(), whole.begin() + 13 * 30));
  const double mean = std::accumulate(whole.begin(), whole.end(), 0.0) / 520;
  EXPECT_NEAR(mean, 1, 5 * std::sqrt(0.4 / 0.6 / 520));
  for (const float value : whole) {
    EXPECT_TRUE(value == 0 || std::abs(value - 1 / 0.6F) < 1e-6F) << value;
  }
}

TEST(Layers, RefuseWhatCannotBe) {
  for (const double p : {-0.1, 1.0, std::nan("")}) {
    testing::expect_error(ErrorKind::kInvalidArgument, "dropout", [&] { Dropout<float> layer(p); });
  }
  testing::expect_error(ErrorKind::kInvalidArgument, "slope",
                        [] { Activation<float> layer(ActivationKind::kLeakyReLU, 0); });
  testing::expect_error(ErrorKind::kInvalidArgument, "stride",
                        [] { Conv2d<float> layer({.channels = 1, .kernel = 1, .stride = 0}); });
  NetworkPlan<float> pictures(Shape{3, 4, 4});
  testing::expect_error(ErrorKind::kInvalidArgument, "3x4x4", [&] {
    pictures.add(std::make_unique<Conv2d<float>>(ConvOptions{.channels = 1, .kernel = 5}));
  });
  testing::expect_error(ErrorKind::kInvalidArgument, "padding 3", [&] {
    pictures.add(std::make_unique<ConvTranspose2d<float>>(
        ConvOptions{.channels = 1, .kernel = 1, .padding = 3}));
  });
  const auto plan = small_plan();
  Network<float> network(plan);
  const ThreadBudget threads(1);
  PassBuffers<float> pass(*plan, 1, PassUse::kForwardOnly);
  std::vector<float> x(6), y(3);
  testing::expect_error(ErrorKind::kInvalidArgument, "batch of 1", [&] {
    network.forward({threads, true}, 1, x, y, pass);
  });
}

TEST(NetworkPlan, RefusesBranchesThatCannotBe) {
  using testing::expect_error;
  NetworkPlan<float> plan(Shape{6});
  const Value input = plan.fork();
  expect_error(ErrorKind::kInvalidArgument, "what is added to it is 6",
               [&] { plan.add(std::make_unique<Dense<float>>(5), {.plus = input}); });
  expect_error(ErrorKind::kInvalidArgument, "Tanh", [&] {
    plan.add(std::make_unique<Activation<float>>(ActivationKind::kTanh), {.plus = input});
  });
  auto loose = std::make_shared<NetworkPlan<float>>(Shape{6});
  const Value x = loose->fork();
  loose->add(std::make_unique<Dense<float>>(5));
  loose->add(std::make_unique<Dense<float>>(5), {.from = x});
  expect_error(ErrorKind::kInvalidArgument, "no layer reads",
               [&] { PassBuffers<float> pass(*loose, 1, PassUse::kForwardAndBackward); });
}

TEST(Layers, RefuseAPassWithoutItsClasses) {
  auto plan = std::make_shared<NetworkPlan<float>>(Shape{6});
  plan->add(std::make_unique<ClassEmbedding<float>>(3, 2));
  Network<float> network(plan);
  PassBuffers<float> pass(*plan, 2, PassUse::kForwardOnly);
  std::vector<float> x(12), y(16);
  const ThreadBudget threads(1);
  const auto expect_refused = [&](const char* word, const std::vector<std::int32_t>& labels) {
    testing::expect_error(ErrorKind::kInvalidArgument, word, [&] {
      network.forward({threads, true, {}, {}, labels}, 2, x, y, pass);
    });
  };
  expect_refused("0 labels for 2", {});
  expect_refused("class 3", {2, 3});
  expect_refused("class -1", {-1, 0});
}

TEST(MeanProbability, IsTheMeanOfTheSigmoid) {
  const std::vector<float> logits{0, 0, 1000, -1000};
  EXPECT_DOUBLE_EQ(mean_probability<float>(logits), 0.5);
}

}  // namespace
}  // namespace miniray
