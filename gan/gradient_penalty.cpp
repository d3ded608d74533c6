#include "gan/gradient_penalty.h"

#include <cmath>
#include <numeric>

#include "engine/kernels/elementwise.h"
#include "engine/kernels/reduce.h"
#include "engine/span.h"

namespace miniray {

GradientPenalty::GradientPenalty(const NetworkPlan<float>& discriminator, std::int64_t max_batch)
    : input_gradient_(discriminator, max_batch),
      sample_size_(discriminator.input_shape().elements()),
      samples_({max_batch, sample_size_}),
      gradient_({max_batch, sample_size_}),
      terms_(static_cast<std::size_t>(max_batch)) {}

std::span<float> GradientPenalty::rows(Tensor<float>& tensor, std::int64_t batch) const {
  return part(tensor.span(), 0, batch * sample_size_);
}

double GradientPenalty::add(const Network<float>& discriminator, const PassContext& context,
                            std::int64_t batch, std::span<const float> x, double factor,
                            double target, std::span<float> gradients) {
  const std::span<float> gradient = rows(gradient_, batch);
  input_gradient_.compute(discriminator, context, batch, x, gradient);
  // Each gradient becomes the penalty's gradient by it: 2 factor (1 - target / |g|) g. Where it is
  // zero the penalty has no slope, or a corner.
  context.threads.for_each_tile(batch, [&](std::int64_t row) {
    const std::span<float> g = part(gradient, row * sample_size_, sample_size_);
    const Block block{1, sample_size_, sample_size_};
    const double norm = std::sqrt(reduce<float>().block_products(block, g.data(), 0, g.data()));
    terms_[static_cast<std::size_t>(row)] = (norm - target) * (norm - target);
    const double scale = norm > 0 ? 2 * factor * (1 - target / norm) : 0;
    for (float& value : g) value *= static_cast<float>(scale);
  });
  input_gradient_.add_gradients(discriminator, context, batch, gradient, gradients);
  return factor * std::accumulate(terms_.begin(), terms_.begin() + batch, 0.0);
}

void interpolate(const ThreadBudget& threads, const RandomKey& key, std::int64_t first,
                 std::int64_t batch, std::span<const float> fake, std::span<float> mixed) {
  const std::int64_t size = static_cast<std::int64_t>(mixed.size()) / batch;
  threads.for_each_tile(batch, [&](std::int64_t row) {
    float share = 0;
    fill_uniform(key, 0.0F, 1.0F, std::span(&share, 1), static_cast<std::uint64_t>(first + row));
    elementwise<float>().approach(1 - share, part(fake, row * size, size),
                                  part(mixed, row * size, size));
  });
}

}  // namespace miniray
