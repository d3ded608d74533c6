// Networks as safetensors files. Tensor names and layouts are those of the equal
// torch.nn.Sequential; the metadata says what to build:
//
//   role              "generator" or "discriminator"
//   architecture      "mlp", "dcgan" or "sngan"
//   latent_dim        "100"
//   image_shape       "3x32x32"
//   hidden            "256x512x1024": the generator's hidden widths or channels
//   normalisation     "batch" or "none": between the generator's layers (mlp)
//   d_norm            "batch", "spectral" or "none": between the discriminator's layers
//   minibatch_stddev  "true", where the discriminator has that channel
//   d_hidden          "128x128": the discriminator's widths, where they are not those backwards
//   classes           the classes' names, one a line, of a conditional model
#pragma once

#include <filesystem>

#include "gan/models.h"
#include "nn/network.h"

namespace miniray {

enum class Role { kGenerator, kDiscriminator };

// Throws io, naming the path; what stood there stays as it was.
void save_network(const std::filesystem::path& path, Role role, const GanSpec& spec,
                  const Network<float>& network);

struct LoadedGenerator {
  GanSpec spec;
  Network<float> network;
};

// Builds what the file says. Throws not found, io or corrupt, naming the path and what is wrong.
LoadedGenerator load_generator(const std::filesystem::path& path);

}  // namespace miniray
