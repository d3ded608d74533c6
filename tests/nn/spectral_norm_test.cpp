#include "nn/spectral_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/batch_norm.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/network.h"
#include "support/expect_error.h"
#include "support/random_values.h"

namespace miniray {
namespace {

using testing::expect_error;
using testing::random_values;

// One normalised layer, and the passes of its network.
template <class T>
class OneLayer {
 public:
  OneLayer(std::unique_ptr<Layer<T>> layer, const Shape& sample, int threads = 1)
      : threads_(threads),
        plan_(make_plan(std::move(layer), sample)),
        network(plan_),
        pass(*plan_, 1, PassUse::kForwardAndBackward) {
    network.init(1, 0);
  }

  std::vector<T> forward(const std::vector<T>& x, bool training = true) {
    std::vector<T> y(static_cast<std::size_t>(plan_->output_shape().elements()));
    network.forward({threads_, training}, 1, x, y, pass);
    return y;
  }
  std::span<T> parameter(const std::string& name) {
    return slice_of(network.parameters(), plan_->parameters().find(name));
  }

 private:
  static std::shared_ptr<const NetworkPlan<T>> make_plan(std::unique_ptr<Layer<T>> layer,
                                                         const Shape& sample) {
    auto plan = std::make_shared<NetworkPlan<T>>(sample);
    plan->add(std::make_unique<SpectralNorm<T>>(std::move(layer)));
    return plan;
  }

  ThreadBudget threads_;
  std::shared_ptr<const NetworkPlan<T>> plan_;

 public:
  Network<T> network;
  PassBuffers<T> pass;
};

// The matrix [[2, 1], [1, 2]] has the singular values 3 and 1.
TEST(SpectralNorm, ComesToDivideByTheLargestSingularValue) {
  OneLayer<double> layer(std::make_unique<Dense<double>>(2), {2});
  const std::vector<double> matrix{2, 1, 1, 2};
  std::ranges::copy(matrix, layer.parameter("0.weight_orig").begin());
  std::ranges::fill(layer.parameter("0.bias"), 0);
  const std::vector<double> skew{1, 0.2};  // far from the singular vectors
  std::ranges::copy(skew, layer.network.statistics().begin());
  EXPECT_GT(std::abs(layer.forward({1, 0})[0] - 2.0 / 3), 1e-2);
  for (int i = 0; i < 30; ++i) {
    layer.forward({1, 0});
    layer.network.update_statistics(1, layer.pass);
  }
  EXPECT_NEAR(layer.forward({1, 0})[0], 2.0 / 3, 1e-12);
  EXPECT_NEAR(layer.forward({1, 0}, false)[1], 1.0 / 3, 1e-12);
}

TEST(SpectralNorm, IteratesOnceAForwardAndMovesWhenTold) {
  OneLayer<float> layer(std::make_unique<Dense<float>>(5), {7});
  const auto x = random_values<float>(7, 1);
  const auto first = layer.forward(x);
  EXPECT_EQ(layer.forward(x), first) << "nothing was told";
  const std::vector<float> before(layer.network.statistics().begin(),
                                  layer.network.statistics().end());
  layer.network.update_statistics(1, layer.pass);
  EXPECT_NE(layer.forward(x), first);
  EXPECT_FALSE(std::ranges::equal(before, layer.network.statistics()));
}

// An average over replicas leaves vectors shorter than 1.
TEST(SpectralNorm, InInferenceTheLengthOfItsVectorsDoesNotMatter) {
  OneLayer<double> layer(std::make_unique<Dense<double>>(5), {7});
  const auto x = random_values<double>(7, 1);
  layer.forward(x);
  layer.network.update_statistics(1, layer.pass);
  const auto whole = layer.forward(x, false);
  for (double& value : layer.network.statistics()) value *= 0.5;
  const auto half = layer.forward(x, false);
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(half[i], whole[i], 1e-12);
}

// Large enough that both products are cut.
TEST(SpectralNorm, EqualBitsForAnyNumberOfThreads) {
  const auto run = [](int threads) {
    OneLayer<float> layer(std::make_unique<Conv2d<float>>(ConvOptions{70, 3, 1, 1}), {130, 4, 4},
                          threads);
    const auto x = random_values<float>(130 * 16, 1);
    const auto y = layer.forward(x);
    const auto dy = random_values<float>(y.size(), 2);
    std::vector<float> gradients(layer.network.parameters().size());
    const ThreadBudget budget(threads);
    layer.network.backward({budget, true}, 1, x, y, dy, {}, gradients, layer.pass);
    layer.network.update_statistics(1, layer.pass);
    gradients.insert(gradients.end(), layer.network.statistics().begin(),
                     layer.network.statistics().end());
    return gradients;
  };
  const auto one = run(1);
  EXPECT_EQ(one, run(2));
  EXPECT_EQ(one, run(5));
}

TEST(SpectralNorm, RefusesALayerThatKeepsStatistics) {
  NetworkPlan<float> plan(Shape{4});
  expect_error(ErrorKind::kInvalidArgument, "statistics", [&] {
    plan.add(std::make_unique<SpectralNorm<float>>(std::make_unique<BatchNorm1d<float>>()));
  });
}

}  // namespace
}  // namespace miniray
