#include "gan/generation_run.h"

#include <algorithm>
#include <optional>

#include "engine/error.h"
#include "gan/image_generator.h"
#include "gan/image_io.h"
#include "gan/npy.h"

namespace miniray {
namespace {

constexpr std::int64_t kChunk = 16 * Sampler::kBatch;  // pictures made before they are written
constexpr std::int64_t kMaxZoomedImages = 256;

std::optional<NpyMatrix> read_latents(const GenerateConfig& config, std::int64_t latent_dim) {
  if (config.latents.empty()) return std::nullopt;
  NpyMatrix latents = read_npy(config.latents);
  if (latents.columns != latent_dim) {
    throw invalid_argument("'" + config.latents.string() + "' has rows of " +
                           std::to_string(latents.columns) + " numbers; the model takes " +
                           std::to_string(latent_dim));
  }
  return latents;
}

void append(Images& all, const Images& images) {
  const std::int64_t count = all.count + images.count;
  std::vector<std::uint8_t> pixels = std::move(all.pixels);
  pixels.insert(pixels.end(), images.pixels.begin(), images.pixels.end());
  all = {count, images.height, images.width, images.channels, std::move(pixels)};
}

}  // namespace

GenerationResult run_generation(const GenerateConfig& config,
                                const std::function<void(std::int64_t)>& progress) {
  check_config(config);
  ImageGenerator generator(thread_count(config.threads));
  generator.load_model(config.model);
  const std::int64_t latent_dim = generator.spec().latent_dim;
  const auto latents = read_latents(config, latent_dim);

  GenerationResult result;
  result.images = latents ? latents->rows : config.num_images;
  if (!config.grid.empty() && result.images > kMaxSheetImages) {
    throw invalid_argument("--grid shows at most " + std::to_string(kMaxSheetImages) +
                           " pictures, not " + std::to_string(result.images));
  }
  const bool keep_all = !config.grid.empty() || !config.npy.empty();
  Images all;
  for (std::int64_t first = 0; first < result.images; first += kChunk) {
    const std::int64_t count = std::min(kChunk, result.images - first);
    const Images images = latents ? generator.generate(part(std::span<const float>(latents->values),
                                                            first * latent_dim, count * latent_dim))
                                  : generator.generate(count, config.seed, first);
    if (config.npy.empty()) generator.save_images(images, config.output, first);
    if (keep_all) append(all, images);
    progress(first + count);
  }
  if (config.npy.empty()) {
    result.written.push_back(config.output);
  } else {
    write_npy(config.npy, all);
    result.written.push_back(config.npy);
  }
  if (!config.grid.empty()) {
    write_sheet(config.grid, all, 0, result.images <= kMaxZoomedImages ? 2 : 1);
    result.written.push_back(config.grid);
  }
  return result;
}

}  // namespace miniray
