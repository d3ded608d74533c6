// Checks a layer's manual backprop against central differences, in double precision.
//
// The loss is a random weighting of the layer's outputs; so every entry of the Jacobian matters.
// Near-zero inputs are kept away from the kinks of ReLU by the caller's choice of values.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "nn/network.h"
#include "support/random_values.h"

namespace miniray::testing {

class GradientCheck {
 public:
  static constexpr std::int64_t kClasses = 3;  // row n is of class n mod 3

  GradientCheck(std::unique_ptr<Layer<double>> layer, const Shape& sample, std::int64_t batch,
                bool training)
      : GradientCheck(make_plan(std::move(layer), sample), batch, training) {}

  // Of a chain of layers.
  GradientCheck(std::shared_ptr<const NetworkPlan<double>> plan, std::int64_t batch, bool training)
      : plan_(std::move(plan)),
        network_(plan_),
        pass_(*plan_, batch, PassUse::kForwardAndBackward),
        batch_(batch),
        labels_(static_cast<std::size_t>(batch)),
        context_{threads_, training, {.seed = 7, .purpose = RandomPurpose::kDropout}, {}, labels_},
        x_(random_values<double>(static_cast<std::size_t>(batch * plan_->input_shape().elements()),
                                 1)),
        y_(static_cast<std::size_t>(batch * plan_->output_shape().elements())),
        weighting_(random_values<double>(y_.size(), 2)) {
    network_.init(3, 0);
    for (std::size_t n = 0; n < labels_.size(); ++n) labels_[n] = static_cast<int>(n % kClasses);
    // Constant slices (the 1s and 0s of a norm) would hide errors: make every weight its own.
    const auto noise = random_values<double>(network_.parameters().size(), 4, 0.5, 1.5);
    for (std::size_t i = 0; i < noise.size(); ++i) network_.parameters()[i] += 0.3 * noise[i];
    const auto statistics = random_values<double>(network_.statistics().size(), 5, 0.5, 1.5);
    std::copy(statistics.begin(), statistics.end(), network_.statistics().begin());
  }

  void run() {
    std::vector<double> dx(x_.size()), gradients(network_.parameters().size());
    loss();
    network_.backward(context_, batch_, x_, y_, weighting_, dx, gradients, pass_);
    compare("dx", x_, dx);
    compare("parameter gradients", network_.parameters(), gradients);
    check_accumulation(gradients);
  }

  // Lets running statistics follow the weights for so many passes.
  void settle(int passes) {
    for (int i = 0; i < passes; ++i) {
      loss();
      network_.update_statistics(batch_, pass_);
    }
  }

 private:
  static std::shared_ptr<NetworkPlan<double>> make_plan(std::unique_ptr<Layer<double>> layer,
                                                        const Shape& sample) {
    auto plan = std::make_shared<NetworkPlan<double>>(sample);
    plan->add(std::move(layer));
    return plan;
  }

  double loss() {
    network_.forward(context_, batch_, x_, y_, pass_);
    double sum = 0;
    for (std::size_t i = 0; i < y_.size(); ++i) sum += weighting_[i] * y_[i];
    return sum;
  }

  void compare(const char* what, std::span<double> values, std::span<const double> gradient) {
    constexpr double kStep = 1e-5;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double value = values[i];
      values[i] = value + kStep;
      const double above = loss();
      values[i] = value - kStep;
      const double below = loss();
      values[i] = value;
      const double expected = (above - below) / (2 * kStep);
      ASSERT_NEAR(gradient[i], expected, 1e-7 * std::max(1.0, std::abs(expected)))
          << what << ", element " << i;
    }
  }

  // Rule: parameter gradients add, dx overwrites, either may be left out.
  void check_accumulation(std::span<const double> once) {
    loss();
    std::vector<double> twice(once.begin(), once.end()), nothing;
    network_.backward(context_, batch_, x_, y_, weighting_, nothing, twice, pass_);
    for (std::size_t i = 0; i < once.size(); ++i) {
      ASSERT_NEAR(twice[i], 2 * once[i], 1e-12 * std::max(1.0, std::abs(once[i])));
    }
    std::vector<double> dx(x_.size(), 1e9), again(x_.size(), -1e9);
    network_.backward(context_, batch_, x_, y_, weighting_, dx, nothing, pass_);
    network_.backward(context_, batch_, x_, y_, weighting_, again, nothing, pass_);
    EXPECT_EQ(dx, again);
  }

  ThreadBudget threads_{1};
  std::shared_ptr<const NetworkPlan<double>> plan_;
  Network<double> network_;
  PassBuffers<double> pass_;
  std::int64_t batch_;
  std::vector<std::int32_t> labels_;
  PassContext context_;
  std::vector<double> x_, y_, weighting_;
};

}  // namespace miniray::testing
