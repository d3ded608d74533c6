// The networks: what a GAN consists of, by name and sizes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/shape.h"
#include "nn/network.h"

namespace miniray {

// What a model file must say for its network to be built again.
struct GanSpec {
  std::string architecture = "mlp";
  std::int64_t latent_dim = 100;
  Shape image_shape{3, 32, 32};                         // C x H x W
  std::vector<std::int64_t> hidden = {256, 512, 1024};  // the generator's; the discriminator's
                                                        // are these backwards
  bool batch_norm = true;                               // in the generator
  double dropout = 0.3;                                 // of the discriminator

  friend bool operator==(const GanSpec&, const GanSpec&) = default;
};

// Throws invalid argument, naming what is out of range.
void check_spec(const GanSpec& spec);

// z [latent_dim] -> (Linear, ReLU, BatchNorm1d where asked) for each hidden width -> Linear, Tanh
// -> image.
std::shared_ptr<const NetworkPlan<float>> make_generator_plan(const GanSpec& spec);

// image -> (Linear, LeakyReLU(0.2), Dropout) for each hidden width, backwards -> Linear -> logit.
// The reference's last Sigmoid is in the loss (bce_with_logits) and, at inference, applied by the
// caller: it has no parameters.
std::shared_ptr<const NetworkPlan<float>> make_discriminator_plan(const GanSpec& spec);

// The streams of Network::init, and the first random variants of their passes.
enum NetworkStream : std::uint8_t { kDiscriminatorStream = 0, kGeneratorStream = 128 };

}  // namespace miniray
