// Penalties on the norm of D's gradient by what it sees:
//
//   R1       gamma / 2 E |grad D(x)|^2         x real                 arXiv 1801.04406, equation 9
//   wgan-gp  weight E (|grad D(x)| - 1)^2      x = e real + (1 - e) fake, e uniform in [0, 1) for
//                                              each pair              arXiv 1704.00028, equation 3
//
// Both are a factor times the sum over samples of (|grad D(x)| - target)^2. For piecewise linear
// discriminators only (nn/input_gradient.h).
#pragma once

#include <cstdint>
#include <span>

#include "engine/rng.h"
#include "engine/tensor.h"
#include "nn/input_gradient.h"

namespace miniray {

class GradientPenalty {
 public:
  // Room for batches of up to max_batch. Throws invalid argument, naming the layer, where the
  // network is not piecewise linear.
  GradientPenalty(const NetworkPlan<float>& discriminator, std::int64_t max_batch);

  // factor times the sum over the batch x; its gradient is added to `gradients`.
  double add(const Network<float>& discriminator, const PassContext& context, std::int64_t batch,
             std::span<const float> x, double factor, double target, std::span<float> gradients);

  // [batch, input]: room for samples to be penalised, the caller's between calls.
  std::span<float> samples(std::int64_t batch) { return rows(samples_, batch); }

 private:
  std::span<float> rows(Tensor<float>& tensor, std::int64_t batch) const;

  InputGradient<float> input_gradient_;
  std::int64_t sample_size_;
  Tensor<float> samples_, gradient_;  // [max_batch, input]
  std::vector<double> terms_;         // (|grad| - target)^2 of each sample
};

// mixed[n] = e mixed[n] + (1 - e) fake[n], e being element first + n of the uniform stream `key`.
void interpolate(const ThreadBudget& threads, const RandomKey& key, std::int64_t first,
                 std::int64_t batch, std::span<const float> fake, std::span<float> mixed);

}  // namespace miniray
