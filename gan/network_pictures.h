// The pictures of any generator, by its network's forward.
//
// Always computed in passes of a number of rows that the generator sets, a divisor of kBatch, the
// last pass filled up, and picture i always in row i % kBatch: so its bits depend on the generator,
// its latent and its class alone, whoever multiplies.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/parallel.h"
#include "engine/tensor.h"
#include "gan/models.h"
#include "nn/network.h"

namespace miniray {

// The class of picture i, below GanSpec::class_count(). Called only where a model takes classes.
using ClassOf = std::function<std::int64_t(std::int64_t picture)>;

class NetworkPictures {
 public:
  static constexpr std::int64_t kBatch = 256;

  // The generator, which must outlive this, is of this spec. A pass takes about pass_bytes for what
  // stands between layers, or one picture's.
  NetworkPictures(const Network<float>& generator, const GanSpec& spec, std::int64_t pass_bytes);

  // Pictures first .. first + rows - 1, hwc [rows, height, width, channels], of latents [rows,
  // latent_dim].
  void run(const ThreadBudget& threads, std::span<const float> latents, std::int64_t first,
           const ClassOf& class_of, std::uint8_t* hwc);

 private:
  std::int64_t latent_dim() const { return latents_.shape()[1]; }
  std::int64_t picture_size() const { return outputs_.shape()[1]; }
  // outputs_ [row, row + pass_rows_) of the same rows of latents_ and labels_.
  void run_pass(const ThreadBudget& threads, std::int64_t row);

  const Network<float>& generator_;
  std::int64_t channels_;
  Tensor<float> latents_, outputs_;   // of a batch
  std::vector<std::int32_t> labels_;  // of latents_; empty where the model takes no classes
  std::int64_t pass_rows_;
  PassBuffers<float> pass_;
};

}  // namespace miniray
