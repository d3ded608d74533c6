#include "gan/latents.h"

#include <algorithm>
#include <cmath>

#include "engine/rng.h"
#include "engine/span.h"

namespace miniray {
namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

void draw(const LatentOptions& options, std::int64_t first, std::int64_t latent_dim,
          std::span<float> latents) {
  const RandomKey key{.seed = options.seed, .purpose = RandomPurpose::kSampleLatents};
  const auto element = static_cast<std::uint64_t>(first * latent_dim);
  if (options.truncation > 0) {
    fill_truncated_normal(key, static_cast<float>(options.truncation), latents, element);
  } else {
    fill_normal(key, latents, element);
  }
}

}  // namespace

void slerp(std::span<const float> a, std::span<const float> b, double t, std::span<float> to) {
  constexpr double kSmallest = 1e-6;
  const double lengths = std::sqrt(dot(a, a) * dot(b, b));
  const double angle = lengths > 0 ? std::acos(std::clamp(dot(a, b) / lengths, -1.0, 1.0)) : 0;
  const double sine = std::sin(angle);
  const bool straight = sine < kSmallest;
  const double of_a = straight ? 1 - t : std::sin((1 - t) * angle) / sine;
  const double of_b = straight ? t : std::sin(t * angle) / sine;
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = static_cast<float>(of_a * a[i] + of_b * b[i]);
  }
}

void draw_latent_path(const LatentOptions& options, std::int64_t first, std::int64_t latent_dim,
                      std::span<float> latents) {
  if (options.frames == 1) return draw(options, first, latent_dim, latents);
  std::vector<float> ends(static_cast<std::size_t>(2 * latent_dim));
  std::int64_t drawn = -1;
  const std::int64_t count = static_cast<std::int64_t>(latents.size()) / latent_dim;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t latent = (first + i) / options.frames;
    if (latent != drawn) draw(options, drawn = latent, latent_dim, ends);
    const auto part_of_way =
        static_cast<double>((first + i) % options.frames) / static_cast<double>(options.frames);
    const std::span<const float> both = ends;
    slerp(part(both, 0, latent_dim), part(both, latent_dim, latent_dim), part_of_way,
          part(latents, i * latent_dim, latent_dim));
  }
}

std::vector<float> latent_path(std::span<const float> latents, std::int64_t latent_dim,
                               std::int64_t frames) {
  const std::int64_t rows = static_cast<std::int64_t>(latents.size()) / latent_dim;
  const std::int64_t count = (rows - 1) * frames + 1;
  std::vector<float> path(static_cast<std::size_t>(count * latent_dim));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = i / frames, next = std::min(row + 1, rows - 1);
    slerp(part(latents, row * latent_dim, latent_dim), part(latents, next * latent_dim, latent_dim),
          static_cast<double>(i % frames) / static_cast<double>(frames),
          part(std::span(path), i * latent_dim, latent_dim));
  }
  return path;
}

}  // namespace miniray
