// Latents of generated pictures: drawn from a seed, truncated, on a path from one to the next.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace miniray {

struct LatentOptions {
  std::uint64_t seed = 42;
  double truncation = 0;    // the largest magnitude of an element; 0: none
  std::int64_t frames = 1;  // pictures from one drawn latent to the next; 1: each has its own
};

// Latents of pictures [first, first + n): latents holds n x latent_dim numbers. Picture i lies on
// the great arc from latent i / frames to the next, i % frames parts of the way. Latent k is that
// of draw_sample_latents, with a truncation (Brock et al., arXiv 1809.11096, section 3.1)
// distributed as if elements beyond it were drawn again. So picture i depends on (options, i)
// alone.
void draw_latent_path(const LatentOptions& options, std::int64_t first, std::int64_t latent_dim,
                      std::span<float> latents);

// The same path through given latents [rows, latent_dim]: (rows - 1) frames + 1 of them.
std::vector<float> latent_path(std::span<const float> latents, std::int64_t latent_dim,
                               std::int64_t frames);

// to = sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b, w being the angle between a and b
// (Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985): of the length of a and b,
// where they are equally long, as normal latents nearly are; a straight line would lead through
// shorter ones that G was never trained on. A straight line where w is 0 or 180 degrees.
void slerp(std::span<const float> a, std::span<const float> b, double t, std::span<float> to);

}  // namespace miniray
