// Everything that a training step changes: one replica of the GAN.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/state_fields.h"
#include "gan/models.h"
#include "nn/adam.h"
#include "nn/network.h"
#include "nn/precision.h"

namespace miniray {

struct GanState {
  // Weights drawn from the seed; optimizers at their start; no average. precision: of the
  // optimizers' moments, and of the passes that train.
  GanState(const GanSpec& spec, const AdamOptions& generator, const AdamOptions& discriminator,
           std::uint64_t seed, Precision precision = Precision::kFloat32);
  // Equal optimizers for both.
  GanState(const GanSpec& spec, const AdamOptions& optimizer, std::uint64_t seed,
           Precision precision = Precision::kFloat32)
      : GanState(spec, optimizer, optimizer, seed, precision) {}

  // The generator that pictures are made with: its average, where one is kept.
  const Network<float>& sampling_generator() const {
    return generator_average ? *generator_average : generator;
  }

  // All that follows but spec and precision.
  void declare(StateFields& fields);

  GanSpec spec;
  Precision precision;
  Network<float> generator, discriminator;
  Adam<float> generator_adam, discriminator_adam;
  std::optional<Network<float>> generator_average;  // over steps (nn/moving_average.h)
};

// A copy of both networks, without the optimizers.
struct GanNetworks {
  // otherwise: see StateFields::Array.
  void declare(const std::string& name, const GanState& otherwise, StateFields& fields);

  Network<float> generator, discriminator;
};

}  // namespace miniray
