#include "gan/generation_run.h"

#include <algorithm>
#include <optional>

#include "engine/error.h"
#include "gan/image_generator.h"
#include "gan/image_io.h"
#include "gan/npy.h"
#include "runtime/runtime.h"

namespace miniray {
namespace {

constexpr std::int64_t kChunk = 4 * Sampler::kBatch;  // pictures of one call to a worker
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

// Makes pictures, and their files where PNGs are wanted, on a thread of its own.
class GenerationWorker {
 public:
  GenerationWorker(const ThreadBudget& threads, const GenerateConfig& config)
      : config_(config), generator_(threads.threads()) {
    generator_.load_model(config.model);
  }

  std::int64_t latent_dim() const { return generator_.spec().latent_dim; }

  // Pictures first .. first + count - 1; of these latents, where there are some. Gives them back
  // where something is made of all of them.
  Images make(std::int64_t first, std::int64_t count, std::span<const float> latents) {
    Images images = latents.empty() ? generator_.generate(count, config_.seed, first)
                                    : generator_.generate(latents);
    if (config_.npy.empty()) generator_.save_images(images, config_.output, first);
    const bool kept = !config_.grid.empty() || !config_.npy.empty();
    return kept ? std::move(images) : Images{};
  }

 private:
  const GenerateConfig config_;
  ImageGenerator generator_;
};

void append(Images& all, const Images& images) {
  const std::int64_t count = all.count + images.count;
  std::vector<std::uint8_t> pixels = std::move(all.pixels);
  pixels.insert(pixels.end(), images.pixels.begin(), images.pixels.end());
  all = {count, images.height, images.width, images.channels, std::move(pixels)};
}

// All pictures by all workers in turn, in order.
Images make_all(std::vector<Actor<GenerationWorker>>& workers, std::int64_t count,
                std::span<const float> latents, std::int64_t latent_dim,
                const std::function<void(std::int64_t)>& progress) {
  std::vector<Future<Images>> chunks;
  for (std::int64_t first = 0; first < count; first += kChunk) {
    const std::int64_t size = std::min(kChunk, count - first);
    const auto rows =
        latents.empty() ? latents : part(latents, first * latent_dim, size * latent_dim);
    auto& worker = workers[chunks.size() % workers.size()];
    chunks.push_back(worker.call(&GenerationWorker::make, first, size, rows));
  }
  Images all;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    append(all, chunks[i].get());
    progress(std::min(count, static_cast<std::int64_t>(i + 1) * kChunk));
  }
  return all;
}

}  // namespace

GenerationResult run_generation(const GenerateConfig& config,
                                const std::function<void(std::int64_t)>& progress) {
  check_config(config);
  Runtime runtime({.threads_per_actor = threads_per_worker(config)});
  std::vector<Actor<GenerationWorker>> workers;
  std::vector<Future<std::int64_t>> latent_dims;
  for (int i = 0; i < worker_count(config); ++i) {
    workers.push_back(runtime.remote<GenerationWorker>(config));
    latent_dims.push_back(workers.back().call(&GenerationWorker::latent_dim));
  }
  const std::int64_t latent_dim = get(latent_dims).front();
  const auto latents = read_latents(config, latent_dim);

  GenerationResult result;
  result.images = latents ? latents->rows : config.num_images;
  if (!config.grid.empty() && result.images > kMaxSheetImages) {
    throw invalid_argument("--grid shows at most " + std::to_string(kMaxSheetImages) +
                           " pictures, not " + std::to_string(result.images));
  }
  const std::span<const float> rows = latents ? latents->values : std::span<const float>();
  const Images all = make_all(workers, result.images, rows, latent_dim, progress);
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
