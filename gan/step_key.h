// The numbers that key a training step's random streams, and what is drawn from them.
#pragma once

#include <cstdint>
#include <span>

#include "engine/rng.h"

namespace miniray {

// The place of a worker's samples among those of the whole step: numbers first .. of `total`.
struct SampleSpan {
  std::int64_t first = 0;
  std::int64_t total = 0;
};

// The numbers that key a step's random streams.
struct StepKey {
  std::uint64_t seed = 0;
  int rank = 0;
  std::int64_t step = 0;
  SampleSpan samples{};
};

// A step's random stream for one purpose.
RandomKey step_stream(const StepKey& key, RandomPurpose purpose, std::uint8_t variant = 0);

// Latents of a training step: normal, keyed by the step and the samples' numbers.
void draw_latents(const StepKey& key, std::int64_t latent_dim, std::span<float> latents);
// Classes that G is asked for in a training step: uniform, keyed alike.
void draw_labels(const StepKey& key, std::int64_t classes, std::span<std::int32_t> labels);

}  // namespace miniray
