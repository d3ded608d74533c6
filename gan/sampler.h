// From latents to pictures. A picture's bits depend on the generator, its latent and its class
// alone, never on how many others are made, by whom, or on how many threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/parallel.h"
#include "engine/tensor.h"
#include "gan/dense_pictures.h"
#include "gan/images.h"
#include "gan/models.h"
#include "gan/network_pictures.h"
#include "nn/network.h"

namespace miniray {

// Latents of pictures [first, first + n) of a seed: latents holds n x latent_dim numbers. Picture i
// depends on (seed, i) alone.
void draw_sample_latents(std::uint64_t seed, std::int64_t first, std::int64_t latent_dim,
                         std::span<float> latents);

class Sampler {
 public:
  // Pictures are made as fast as can be in runs of this many, from a multiple of it on.
  static constexpr std::int64_t kRun = DensePictures::kPass;

  // `generator` and `threads` must outlive the sampler. The generator is of this spec. A pass of a
  // network takes about pass_bytes for what stands between layers, or one picture's.
  Sampler(const ThreadBudget& threads, const Network<float>& generator, const GanSpec& spec,
          std::int64_t pass_bytes = std::int64_t{256} << 20);

  std::int64_t latent_dim() const { return latents_.shape()[1]; }
  // Picture i is of class i mod the number of classes.
  ClassOf all_classes() const;

  // Pictures [first, first + count) of a seed.
  Images generate(std::uint64_t seed, std::int64_t first, std::int64_t count,
                  const ClassOf& class_of);
  Images generate(std::uint64_t seed, std::int64_t first, std::int64_t count) {
    return generate(seed, first, count, all_classes());
  }
  // One picture for each row of latents [N, latent_dim]: pictures first .. first + N - 1.
  Images generate(std::span<const float> latents, std::int64_t first, const ClassOf& class_of);
  Images generate(std::span<const float> latents) { return generate(latents, 0, all_classes()); }

 private:
  Images images_of(std::int64_t count) const;
  // Pictures first, first + 1, ... of these latents, hwc.
  void run(std::span<const float> latents, std::int64_t first, const ClassOf& class_of,
           std::uint8_t* hwc);

  const ThreadBudget& threads_;
  Shape image_shape_;
  std::int64_t classes_;
  Tensor<float> latents_;                   // of a run
  std::optional<DensePictures> dense_;      // where the generator is of that kind
  std::optional<NetworkPictures> network_;  // where it is not
};

}  // namespace miniray
