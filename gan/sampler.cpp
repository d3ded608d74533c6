#include "gan/sampler.h"

#include <algorithm>

#include "engine/kernels/gemm.h"
#include "engine/kernels/pixels.h"
#include "engine/rng.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kRowsPerTile = 16;

// Pictures of a pass: as many of a batch as memory allows, a power of two.
std::int64_t pass_rows(const NetworkPlan<float>& plan, std::int64_t bytes) {
  std::int64_t numbers = 1;  // between the layers, of a picture
  for (const Stage& stage : plan.stages()) numbers += plan.output_shape(stage.end - 1).elements();
  std::int64_t rows = Sampler::kBatch;
  while (rows > 1 && rows * numbers > bytes / std::int64_t{sizeof(float)}) rows /= 2;
  return rows;
}

}  // namespace

void draw_sample_latents(std::uint64_t seed, std::int64_t first, std::int64_t latent_dim,
                         std::span<float> latents) {
  fill_normal({.seed = seed, .purpose = RandomPurpose::kSampleLatents}, latents,
              static_cast<std::uint64_t>(first * latent_dim));
}

Sampler::Sampler(const ThreadBudget& threads, const Network<float>& generator, const GanSpec& spec,
                 std::int64_t pass_bytes)
    : threads_(threads),
      generator_(generator),
      image_shape_(spec.image_shape),
      classes_(spec.class_count()),
      latents_({kBatch, spec.latent_dim}),
      outputs_({kBatch, image_shape_.elements()}),
      labels_(spec.conditional() ? kBatch : 0),
      pass_rows_(pass_rows(generator.plan(), pass_bytes)),
      pass_(generator.plan(), pass_rows_, PassUse::kForwardOnly),
      dense_(DensePictures::of(generator, image_shape_)) {}

ClassOf Sampler::all_classes() const {
  return [classes = classes_](std::int64_t picture) { return picture % classes; };
}

Images Sampler::generate(std::uint64_t seed, std::int64_t first, std::int64_t count,
                         const ClassOf& class_of) {
  Images images = empty_images();
  const std::int64_t end = first + count;
  for (std::int64_t batch = first / kBatch * kBatch; batch < end; batch += kBatch) {
    for_each_range(threads_, kBatch, kRowsPerTile, [&](std::int64_t row, std::int64_t rows) {
      draw_sample_latents(seed, batch + row, latent_dim(),
                          part(latents_.span(), row * latent_dim(), rows * latent_dim()));
    });
    set_labels(batch, class_of);
    run_batch(std::min(kBatch, end - batch), images);
    if (batch < first) {  // the rows before the first picture asked for
      images.pixels.erase(images.pixels.begin(),
                          images.pixels.begin() + (first - batch) * images.image_bytes());
    }
  }
  images.count = count;
  return images;
}

Images Sampler::generate(std::span<const float> latents, std::int64_t first,
                         const ClassOf& class_of) {
  Images images = empty_images();
  const std::int64_t count = static_cast<std::int64_t>(latents.size()) / latent_dim();
  for (std::int64_t begin = 0; begin < count; begin += kBatch) {
    const std::int64_t rows = std::min(kBatch, count - begin);
    std::ranges::fill(latents_.span(), 0.0F);
    std::ranges::copy(part(latents, begin * latent_dim(), rows * latent_dim()),
                      latents_.span().begin());
    set_labels(first + begin, class_of);
    run_batch(rows, images);
  }
  images.count = count;
  return images;
}

void Sampler::set_labels(std::int64_t first, const ClassOf& class_of) {
  for (std::int32_t& label : labels_) label = static_cast<std::int32_t>(class_of(first++));
}

void Sampler::run_batch(std::int64_t count, Images& images) {
  const std::size_t old_size = images.pixels.size();
  images.pixels.resize(old_size + static_cast<std::size_t>(count * images.image_bytes()));
  std::uint8_t* const to = images.pixels.data() + old_size;
  if (dense_ && !uses_blas<float>(threads_)) {
    return dense_->run(threads_, part(latents_.span(), 0, count * latent_dim()), to);
  }
  for (std::int64_t row = 0; row < count; row += pass_rows_) run_pass(row);
  threads_.for_each_tile(count, [&](std::int64_t row) {
    pixels_from_planes(images.channels, images.height * images.width,
                       outputs_.data() + row * images.image_bytes(),
                       to + row * images.image_bytes());
  });
}

void Sampler::run_pass(std::int64_t row) {
  const std::int64_t picture = image_shape_.elements();
  const auto labels =
      labels_.empty() ? std::span<std::int32_t>() : part(std::span(labels_), row, pass_rows_);
  generator_.forward({.threads = threads_, .labels = labels}, pass_rows_,
                     part(latents_.span(), row * latent_dim(), pass_rows_ * latent_dim()),
                     part(outputs_.span(), row * picture, pass_rows_ * picture), pass_);
}

Images Sampler::empty_images() const {
  Images images;
  images.channels = image_shape_[0];
  images.height = image_shape_[1];
  images.width = image_shape_[2];
  return images;
}

}  // namespace miniray
