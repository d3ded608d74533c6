#include "gan/sampler.h"

#include <algorithm>

#include "engine/kernels/pixels.h"
#include "engine/rng.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kRowsPerTile = 16;

}  // namespace

void draw_sample_latents(std::uint64_t seed, std::int64_t first, std::int64_t latent_dim,
                         std::span<float> latents) {
  fill_normal({.seed = seed, .purpose = RandomPurpose::kSampleLatents}, latents,
              static_cast<std::uint64_t>(first * latent_dim));
}

Sampler::Sampler(const ThreadBudget& threads, const Network<float>& generator,
                 const Shape& image_shape)
    : threads_(threads),
      generator_(generator),
      image_shape_(image_shape),
      latents_({kBatch, generator.plan().input_shape().elements()}),
      outputs_({kBatch, image_shape.elements()}),
      pass_(generator.plan(), kBatch, PassUse::kForwardOnly) {}

Images Sampler::generate(std::uint64_t seed, std::int64_t first, std::int64_t count) {
  Images images = empty_images();
  const std::int64_t end = first + count;
  for (std::int64_t batch = first / kBatch * kBatch; batch < end; batch += kBatch) {
    for_each_range(threads_, kBatch, kRowsPerTile, [&](std::int64_t row, std::int64_t rows) {
      draw_sample_latents(seed, batch + row, latent_dim(),
                          part(latents_.span(), row * latent_dim(), rows * latent_dim()));
    });
    run_batch(std::min(kBatch, end - batch), images);
    if (batch < first) {  // the rows before the first picture asked for
      images.pixels.erase(images.pixels.begin(),
                          images.pixels.begin() + (first - batch) * images.image_bytes());
    }
  }
  images.count = count;
  return images;
}

Images Sampler::generate(std::span<const float> latents) {
  Images images = empty_images();
  const std::int64_t count = static_cast<std::int64_t>(latents.size()) / latent_dim();
  for (std::int64_t first = 0; first < count; first += kBatch) {
    const std::int64_t rows = std::min(kBatch, count - first);
    std::ranges::fill(latents_.span(), 0.0F);
    std::ranges::copy(part(latents, first * latent_dim(), rows * latent_dim()),
                      latents_.span().begin());
    run_batch(rows, images);
  }
  images.count = count;
  return images;
}

void Sampler::run_batch(std::int64_t count, Images& images) {
  generator_.forward({.threads = threads_}, kBatch, latents_.span(), outputs_.span(), pass_);
  const std::size_t old_size = images.pixels.size();
  images.pixels.resize(old_size + static_cast<std::size_t>(count * images.image_bytes()));
  std::uint8_t* const to = images.pixels.data() + old_size;
  threads_.for_each_tile(count, [&](std::int64_t row) {
    pixels_from_planes(images.channels, images.height * images.width,
                       outputs_.data() + row * images.image_bytes(),
                       to + row * images.image_bytes());
  });
}

Images Sampler::empty_images() const {
  Images images;
  images.channels = image_shape_[0];
  images.height = image_shape_[1];
  images.width = image_shape_[2];
  return images;
}

}  // namespace miniray
