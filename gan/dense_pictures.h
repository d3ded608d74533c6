// The pictures of a generator of dense layers, by kernels/dense_chain.h: faster than its network's
// forward, and the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/kernels/dense_chain.h"
#include "engine/parallel.h"
#include "engine/tensor.h"
#include "nn/network.h"

namespace miniray {

class DensePictures {
 public:
  // Pictures in work at once: so many that weights, which may come from memory, pass by seldom.
  static constexpr std::int64_t kPass = 1024;

  // None where the generator is no chain of Linear, ReLU and BatchNorm1d with Tanh at its end, or
  // the channels of image_shape [channels, height, width] have no multiple of four pixels. The
  // generator must outlive what is given back; its numbers are read by each run.
  static std::optional<DensePictures> of(const Network<float>& generator, const Shape& image_shape);

  // Pictures hwc [rows, height, width, channels] of latents [rows, latent_dim]. The budget's
  // products must be our own (uses_blas), or bytes may differ from forward's.
  void run(const ThreadBudget& threads, std::span<const float> latents, std::uint8_t* hwc);

 private:
  // A Linear layer and what follows it, as slices of the generator's buffers.
  struct Link {
    Slice weight, bias;
    bool relu = false;
    bool normalised = false;
    Slice scale, shift, mean, variance;  // where it is normalised
    std::vector<float> inverse_deviation;
  };

  DensePictures(const Network<float>& generator, std::vector<Link> links, const Shape& image_shape);
  static std::optional<std::vector<Link>> links_of(const NetworkPlan<float>& plan);
  ChainLayer layer(Link& link) const;
  void run_part(const ThreadBudget& threads, std::span<const float> latents, std::uint8_t* hwc);

  const Network<float>* generator_;
  std::vector<Link> links_;
  std::int64_t channels_, pixels_;
  Tensor<float> inputs_, outputs_;  // panels of a layer
  AlignedBytes pixel_panels_;
};

}  // namespace miniray
