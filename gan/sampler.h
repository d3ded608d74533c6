// From latents to pictures.
//
// Pictures are always computed in passes of a number of rows that the generator sets, a divisor of
// kBatch, the last pass filled up, and picture i always in row i % kBatch: so its bits depend on
// the generator, its latent and its class alone, never on how many others are made, by whom, or on
// how many threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/parallel.h"
#include "engine/tensor.h"
#include "gan/dense_pictures.h"
#include "gan/images.h"
#include "gan/models.h"
#include "nn/network.h"

namespace miniray {

// Latents of pictures [first, first + n) of a seed: latents holds n x latent_dim numbers. Picture i
// depends on (seed, i) alone.
void draw_sample_latents(std::uint64_t seed, std::int64_t first, std::int64_t latent_dim,
                         std::span<float> latents);

// The class of picture i, below GanSpec::class_count(). Called only where a model takes classes.
using ClassOf = std::function<std::int64_t(std::int64_t picture)>;

class Sampler {
 public:
  static constexpr std::int64_t kBatch = 256;

  // `generator` and `threads` must outlive the sampler. The generator is of this spec. A pass takes
  // about pass_bytes for what stands between layers, or one picture's.
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
  void set_labels(std::int64_t first, const ClassOf& class_of);
  // Runs the generator on latents_ and appends the first `count` pictures.
  void run_batch(std::int64_t count, Images& images);
  // outputs_ [row, row + pass_rows_) of the same rows of latents_ and labels_.
  void run_pass(std::int64_t row);
  Images empty_images() const;

  const ThreadBudget& threads_;
  const Network<float>& generator_;
  Shape image_shape_;
  std::int64_t classes_;
  Tensor<float> latents_, outputs_;
  std::vector<std::int32_t> labels_;  // of latents_; empty where the model takes no classes
  const std::int64_t pass_rows_;
  PassBuffers<float> pass_;
  std::optional<DensePictures> dense_;  // where the generator is of that kind
};

}  // namespace miniray
