#include "gan/sampler.h"

#include <algorithm>

#include "engine/kernels/gemm.h"
#include "engine/rng.h"
#include "engine/span.h"

namespace miniray {

void draw_sample_latents(std::uint64_t seed, std::int64_t first, std::int64_t latent_dim,
                         std::span<float> latents) {
  fill_normal({.seed = seed, .purpose = RandomPurpose::kSampleLatents}, latents,
              static_cast<std::uint64_t>(first * latent_dim));
}

Sampler::Sampler(const ThreadBudget& threads, const Network<float>& generator, const GanSpec& spec,
                 std::int64_t pass_bytes)
    : threads_(threads),
      image_shape_(spec.image_shape),
      classes_(spec.class_count()),
      latents_({kRun, spec.latent_dim}) {
  if (!uses_blas<float>(threads)) dense_ = DensePictures::of(generator, image_shape_);
  if (!dense_) network_.emplace(generator, spec, pass_bytes);
}

ClassOf Sampler::all_classes() const {
  return [classes = classes_](std::int64_t picture) { return picture % classes; };
}

Images Sampler::generate(std::uint64_t seed, std::int64_t first, std::int64_t count,
                         const ClassOf& class_of) {
  constexpr std::int64_t kRowsPerTile = 16;
  Images images = images_of(count);
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t begin = first + done;
    const std::int64_t rows = std::min(kRun - begin % kRun, count - done);
    const std::span<float> latents = part(latents_.span(), 0, rows * latent_dim());
    for_each_range(threads_, rows, kRowsPerTile, [&](std::int64_t row, std::int64_t some) {
      draw_sample_latents(seed, begin + row, latent_dim(),
                          part(latents, row * latent_dim(), some * latent_dim()));
    });
    run(latents, begin, class_of, images.pixels.data() + done * images.image_bytes());
    done += rows;
  }
  return images;
}

Images Sampler::generate(std::span<const float> latents, std::int64_t first,
                         const ClassOf& class_of) {
  Images images = images_of(static_cast<std::int64_t>(latents.size()) / latent_dim());
  run(latents, first, class_of, images.pixels.data());
  return images;
}

void Sampler::run(std::span<const float> latents, std::int64_t first, const ClassOf& class_of,
                  std::uint8_t* hwc) {
  if (dense_) return dense_->run(threads_, latents, hwc);
  network_->run(threads_, latents, first, class_of, hwc);
}

Images Sampler::images_of(std::int64_t count) const {
  Images images{count, image_shape_[1], image_shape_[2], image_shape_[0], {}};
  images.pixels.resize(static_cast<std::size_t>(count * images.image_bytes()));
  return images;
}

}  // namespace miniray
