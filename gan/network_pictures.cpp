#include "gan/network_pictures.h"

#include <algorithm>

#include "engine/kernels/pixels.h"
#include "engine/span.h"

namespace miniray {
namespace {

// As many rows of a batch as memory allows, a power of two.
std::int64_t pass_rows(const NetworkPlan<float>& plan, std::int64_t bytes) {
  std::int64_t numbers = 1;  // between the layers, of a picture
  for (const Stage& stage : plan.stages()) numbers += plan.output_shape(stage.end - 1).elements();
  std::int64_t rows = NetworkPictures::kBatch;
  while (rows > 1 && rows * numbers > bytes / std::int64_t{sizeof(float)}) rows /= 2;
  return rows;
}

}  // namespace

NetworkPictures::NetworkPictures(const Network<float>& generator, const GanSpec& spec,
                                 std::int64_t pass_bytes)
    : generator_(generator),
      channels_(spec.image_shape[0]),
      latents_({kBatch, spec.latent_dim}),
      outputs_({kBatch, spec.image_shape.elements()}),
      labels_(spec.conditional() ? kBatch : 0),
      pass_rows_(pass_rows(generator.plan(), pass_bytes)),
      pass_(generator.plan(), pass_rows_, PassUse::kForwardOnly) {}

void NetworkPictures::run(const ThreadBudget& threads, std::span<const float> latents,
                          std::int64_t first, const ClassOf& class_of, std::uint8_t* hwc) {
  const std::int64_t count = static_cast<std::int64_t>(latents.size()) / latent_dim();
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t row = (first + done) % kBatch;  // and on, in this batch
    const std::int64_t rows = std::min(kBatch - row, count - done);
    std::ranges::copy(part(latents, done * latent_dim(), rows * latent_dim()),
                      latents_.data() + row * latent_dim());
    if (!labels_.empty()) {
      for (std::int64_t i = 0; i < rows; ++i) {
        labels_[static_cast<std::size_t>(row + i)] =
            static_cast<std::int32_t>(class_of(first + done + i));
      }
    }
    for (std::int64_t pass = row / pass_rows_ * pass_rows_; pass < row + rows; pass += pass_rows_) {
      run_pass(threads, pass);
    }
    threads.for_each_tile(rows, [&](std::int64_t i) {
      pixels_from_planes(channels_, picture_size() / channels_,
                         outputs_.data() + (row + i) * picture_size(),
                         hwc + (done + i) * picture_size());
    });
    done += rows;
  }
}

void NetworkPictures::run_pass(const ThreadBudget& threads, std::int64_t row) {
  const auto labels =
      labels_.empty() ? std::span<std::int32_t>() : part(std::span(labels_), row, pass_rows_);
  generator_.forward({.threads = threads, .labels = labels}, pass_rows_,
                     part(latents_.span(), row * latent_dim(), pass_rows_ * latent_dim()),
                     part(outputs_.span(), row * picture_size(), pass_rows_ * picture_size()),
                     pass_);
}

}  // namespace miniray
