// From latents to pictures.
//
// Pictures are always computed in batches of kBatch rows, the last one filled up, and picture i
// always in row i % kBatch: so its bits depend on the generator and on its latent alone, never on
// how many others are made, by whom, or on how many threads.
#pragma once

#include <cstdint>
#include <span>

#include "engine/parallel.h"
#include "engine/tensor.h"
#include "gan/images.h"
#include "nn/network.h"

namespace miniray {

// Latents of pictures [first, first + n) of a seed: latents holds n x latent_dim numbers. Picture i
// depends on (seed, i) alone.
void draw_sample_latents(std::uint64_t seed, std::int64_t first, std::int64_t latent_dim,
                         std::span<float> latents);

class Sampler {
 public:
  static constexpr std::int64_t kBatch = 256;

  // `generator` and `threads` must outlive the sampler. Its output must be C x H x W values of
  // image_shape.
  Sampler(const ThreadBudget& threads, const Network<float>& generator, const Shape& image_shape);

  std::int64_t latent_dim() const { return latents_.shape()[1]; }

  // Pictures [first, first + count) of a seed.
  Images generate(std::uint64_t seed, std::int64_t first, std::int64_t count);
  // One picture for each row of latents [N, latent_dim].
  Images generate(std::span<const float> latents);

 private:
  // Runs the generator on latents_ and appends the first `count` pictures.
  void run_batch(std::int64_t count, Images& images);
  Images empty_images() const;

  const ThreadBudget& threads_;
  const Network<float>& generator_;
  Shape image_shape_;
  Tensor<float> latents_, outputs_;
  PassBuffers<float> pass_;
};

}  // namespace miniray
