#include "bench/step_fixture.h"

#include <numeric>

#include "bench/stored_pictures.h"
#include "gan/data/batch.h"

namespace miniray::bench {
namespace {

constexpr std::int64_t kPictures = 10'000;

// The weights of the dense layers of a network, the first of them alone.
struct DenseSizes {
  double all = 0, first = 0;
};

DenseSizes dense_sizes(const NetworkPlan<float>& plan) {
  DenseSizes sizes;
  for (const Slice& slice : plan.parameters().slices()) {
    if (slice.shape.rank() != 2) continue;
    if (sizes.all == 0) sizes.first = static_cast<double>(slice.size());
    sizes.all += static_cast<double>(slice.size());
  }
  return sizes;
}

}  // namespace

double step_flop(const GanSpec& spec, std::int64_t batch) {
  const DenseSizes g = dense_sizes(*make_generator_plan(spec));
  const DenseSizes d = dense_sizes(*make_discriminator_plan(spec));
  const double generator = g.all + (g.all - g.first) + g.all;     // forward, dX, dW
  const double d_half = 2 * (d.all + (d.all - d.first) + d.all);  // on real and on fake
  const double g_half_through_d = d.all + d.all;                  // forward, dX
  return 2 * static_cast<double>(batch) * (generator + d_half + g_half_through_d);
}

StepFixture::StepFixture(const GanSpec& spec, int threads, std::int64_t batch)
    : threads_(threads),
      batch_(batch),
      state_(spec, {}, 1),
      buffers_(state_, batch),
      dataset_(std::make_unique<StoredPictures>(spec.image_shape, kPictures)) {}

void StepFixture::step() {
  ++step_;
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(batch_));
  const std::int64_t first = step_ * batch_ % (kPictures - batch_);
  std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(first));
  fill_batch(threads_, *dataset_, indices, Flip::kNever, {}, 0, buffers_.real(batch_));
  const StepKey key{1, 0, step_, {0, batch_}};
  draw_latents(key, state_.spec.latent_dim, buffers_.latents(batch_));
  train_step(threads_, key, batch_, state_, buffers_);
}

}  // namespace miniray::bench
