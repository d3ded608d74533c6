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
  std::string architecture = "mlp";  // or dcgan, sngan
  std::int64_t latent_dim = 100;
  Shape image_shape{3, 32, 32};                         // C x H x W
  std::vector<std::int64_t> hidden = {256, 512, 1024};  // the generator's widths or channels
  std::vector<std::int64_t> d_hidden{};  // the discriminator's; empty: these, backwards
  bool batch_norm = true;                // mlp: in the generator
  double dropout = 0.3;                  // mlp: of the discriminator
  std::string d_norm = "none";           // between the discriminator's layers; or batch, spectral
  bool minibatch_stddev = false;         // dcgan, sngan: D sees how much a batch's pictures differ
  std::vector<std::string> classes{};  // whose pictures it makes, chosen by label; empty: all alike

  bool conditional() const { return !classes.empty(); }
  std::int64_t class_count() const { return static_cast<std::int64_t>(classes.size()); }

  friend bool operator==(const GanSpec&, const GanSpec&) = default;
};

// The hidden widths that an architecture has for pictures of this shape, times `width`; an empty
// d_norm stands for its own (mlp: none, dcgan: batch, sngan: spectral). Unconditional. Throws
// invalid argument where it is none of ours or cannot make them.
GanSpec make_spec(const std::string& architecture, std::int64_t latent_dim,
                  const Shape& image_shape, double width = 1, const std::string& d_norm = {});

// Throws invalid argument, naming what is out of range.
void check_spec(const GanSpec& spec);

// mlp: z [latent_dim] -> (Linear, ReLU, BatchNorm1d where asked) for each hidden width -> Linear,
// Tanh -> image. dcgan (Radford et al., arXiv 1511.06434): z [latent_dim, 1, 1] ->
// (ConvTranspose2d, BatchNorm2d, ReLU) for each hidden width, the first to 4x4 pixels, each next to
// twice as many a side -> ConvTranspose2d, Tanh -> image. sngan: see gan/sngan.h, then Tanh.
// Conditional mlp and dcgan begin with a ClassEmbedding of 32 values, which z is extended by.
std::shared_ptr<const NetworkPlan<float>> make_generator_plan(const GanSpec& spec);

// mlp: image -> (Linear, LeakyReLU(0.2), Dropout) for each hidden width, backwards -> Linear ->
// logit. dcgan: image -> (Conv2d, LeakyReLU(0.2)) for each hidden width, backwards, each to half
// the pixels a side -> Conv2d of 4x4 -> logit. With d_norm batch, BatchNorm1d or 2d stands before
// every LeakyReLU but the first (in dcgan for the convolutions' biases); with d_norm spectral,
// every layer that has a weight is in a SpectralNorm. sngan: see gan/sngan.h; spectral or none.
// Conditional mlp and dcgan begin with a ClassEmbedding: of mlp 32 values, of dcgan a channel more.
// With minibatch_stddev a MinibatchStdDev stands before dcgan's last convolution, behind every
// norm, which would take away what all samples have in common, and before sngan's last block. The
// reference's last Sigmoid is in the loss (bce_with_logits) and, at inference, applied by the
// caller: it has no parameters.
std::shared_ptr<const NetworkPlan<float>> make_discriminator_plan(const GanSpec& spec);

// The streams of Network::init, and the first random variants of their passes.
enum NetworkStream : std::uint8_t { kDiscriminatorStream = 0, kGeneratorStream = 128 };

}  // namespace miniray
