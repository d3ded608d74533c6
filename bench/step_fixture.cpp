#include "bench/step_fixture.h"

#include <numeric>
#include <utility>

#include "bench/stored_pictures.h"
#include "gan/data/batch.h"

namespace miniray::bench {
namespace {

constexpr std::int64_t kPictures = 10'000;

}  // namespace

StepFixture::StepFixture(const GanSpec& spec, int threads, std::int64_t batch,
                         ProductKernels products, Precision precision)
    : StepFixture(GanState(spec, {}, 1, precision), threads, batch, products) {}

StepFixture::StepFixture(GanState state, int threads, std::int64_t batch, ProductKernels products)
    : threads_(threads, products),
      batch_(batch),
      state_(std::move(state)),
      buffers_(state_, batch),
      dataset_(std::make_unique<StoredPictures>(state_.spec.image_shape, kPictures)) {}

void StepFixture::step() {
  assemble_batch();
  draw_latents();
  train();
}

void StepFixture::assemble_batch() {
  ++step_;
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(batch_));
  const std::int64_t first = step_ * batch_ % (kPictures - batch_);
  std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(first));
  fill_batch(threads_, *dataset_, indices, Flip::kNever, {}, 0, buffers_.real(batch_));
}

void StepFixture::draw_latents() {
  miniray::draw_latents(key(), state_.spec.latent_dim, buffers_.latents(batch_));
}

void StepFixture::train() { train_step(threads_, key(), batch_, state_, buffers_); }

}  // namespace miniray::bench
