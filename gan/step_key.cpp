#include "gan/step_key.h"

namespace miniray {

RandomKey step_stream(const StepKey& key, RandomPurpose purpose, std::uint8_t variant) {
  return {.seed = key.seed,
          .purpose = purpose,
          .variant = variant,
          .rank = static_cast<std::uint16_t>(key.rank),
          .step = static_cast<std::uint32_t>(key.step)};
}

void draw_latents(const StepKey& key, std::int64_t latent_dim, std::span<float> latents) {
  fill_normal(step_stream(key, RandomPurpose::kLatents), latents,
              static_cast<std::uint64_t>(key.samples.first * latent_dim));
}

void draw_labels(const StepKey& key, std::int64_t classes, std::span<std::int32_t> labels) {
  const RandomKey stream = step_stream(key, RandomPurpose::kLabels);
  auto index = static_cast<std::uint64_t>(key.samples.first);
  for (std::int32_t& label : labels) {
    label = static_cast<std::int32_t>(
        random_below(stream, index++, static_cast<std::uint64_t>(classes)));
  }
}

}  // namespace miniray
