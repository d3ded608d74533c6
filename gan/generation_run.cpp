#include "gan/generation_run.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/animation.h"
#include "gan/class_choice.h"
#include "gan/image_io.h"
#include "gan/latents.h"
#include "gan/model_file.h"
#include "gan/network_pictures.h"
#include "gan/npy.h"
#include "gan/sampler.h"
#include "runtime/runtime.h"

namespace miniray {
namespace {

constexpr std::int64_t kMaxZoomedImages = 256;
constexpr std::int64_t kMaxColumns = 32;  // of sheets with a meaning for each
constexpr std::int64_t kMaxPathLatents = 10'000'000;
constexpr std::int64_t kAnimationSide = 256;

// Pictures of one call to a worker, `size` bytes each: a run of the sampler's, but less where that
// would leave a worker fewer than eight calls, since all are to end together, or take much memory.
std::int64_t pictures_of_call(std::int64_t count, std::int64_t workers, std::int64_t size) {
  constexpr std::int64_t kCalls = 8, kBytes = std::int64_t{16} << 20;
  constexpr std::int64_t kBatch = NetworkPictures::kBatch;
  const std::int64_t share = std::min(count / (kCalls * workers), kBytes / size);
  return std::clamp(share / kBatch * kBatch, kBatch, Sampler::kRun);
}

std::optional<NpyMatrix> read_latents(const GenerateConfig& config, std::int64_t latent_dim) {
  if (config.latents.empty()) return std::nullopt;
  NpyMatrix latents = read_npy(config.latents);
  if (latents.columns != latent_dim) {
    throw invalid_argument("'" + config.latents.string() + "' has rows of " +
                           std::to_string(latents.columns) + " numbers; the model takes " +
                           std::to_string(latent_dim));
  }
  if (config.interpolate == 1) return latents;
  if (latents.rows * config.interpolate > kMaxPathLatents) {
    throw invalid_argument("a path through the " + std::to_string(latents.rows) + " rows of '" +
                           config.latents.string() + "' with --interpolate " +
                           std::to_string(config.interpolate) + " has more than " +
                           std::to_string(kMaxPathLatents) + " pictures");
  }
  latents.values = latent_path(latents.values, latent_dim, config.interpolate);
  latents.rows = (latents.rows - 1) * config.interpolate + 1;
  return latents;
}

// A row of a sheet leads from one latent to the next, or shows each class once, where that is no
// wider than a screen; an animation of small pictures is enlarged.
std::int64_t sheet_columns(const GenerateConfig& config, const GanSpec& spec) {
  const bool all = config.class_name == "all";
  const std::int64_t columns = config.interpolate > 1 ? config.interpolate : spec.class_count();
  return columns > kMaxColumns || (config.interpolate == 1 && !all) ? 0 : columns;
}

std::int64_t animation_zoom(const Images& images) {
  return std::max<std::int64_t>(1, kAnimationSide / std::max(images.width, images.height));
}

// From one latent to the next all pictures are of one class.
ClassOf class_of_path(const ClassOf& class_of, std::int64_t frames) {
  return [=](std::int64_t picture) { return class_of(picture / frames); };
}

// Makes pictures, and their files where PNGs are wanted, on a thread of its own. The model is
// shared: a pass only reads it.
class GenerationWorker {
 public:
  GenerationWorker(const ThreadBudget& threads, const GenerateConfig& config,
                   const std::shared_ptr<const LoadedGenerator>& model)
      : config_(config),
        threads_(threads.threads()),
        model_(model),
        class_of_(class_of_path(choose_class(model->spec, config.class_name), config.interpolate)),
        sampler_(threads_, model->network, model->spec) {}

  // Pictures first .. first + count - 1; of these latents, where there are some. Gives them back
  // where something is made of all of them.
  Images make(std::int64_t first, std::int64_t count, std::span<const float> latents) {
    Images images =
        latents.empty() ? draw(first, count) : sampler_.generate(latents, first, class_of_);
    if (config_.npy.empty()) write_pngs(threads_, images, first, config_.output);
    const bool kept = !config_.grid.empty() || !config_.npy.empty() || !config_.animation.empty();
    return kept ? std::move(images) : Images{};
  }

 private:
  Images draw(std::int64_t first, std::int64_t count) {
    if (config_.truncation == 0 && config_.interpolate == 1) {
      return sampler_.generate(config_.seed, first, count, class_of_);
    }
    std::vector<float> latents(static_cast<std::size_t>(count * sampler_.latent_dim()));
    draw_latent_path({config_.seed, config_.truncation, config_.interpolate}, first,
                     sampler_.latent_dim(), latents);
    return sampler_.generate(latents, first, class_of_);
  }

  const GenerateConfig config_;
  const ThreadBudget threads_;
  const std::shared_ptr<const LoadedGenerator> model_;
  const ClassOf class_of_;
  Sampler sampler_;
};

// All pictures, chunk by chunk, dealt to the processes and to the workers of each in turn. Gives
// back, in order, those that the workers gave back.
class Generation {
 public:
  Generation(const GenerateConfig& config, const std::shared_ptr<const LoadedGenerator>& model,
             Communicator& processes)
      : processes_(processes),
        runtime_({.threads_per_actor = threads_per_worker(config)}),
        latent_dim_(model->spec.latent_dim),
        image_bytes_(model->spec.image_shape.elements()) {
    for (int i = 0; i < worker_count(config); ++i) {
      workers_.push_back(runtime_.remote<GenerationWorker>(config, model));
    }
  }

  Images run(std::int64_t count, std::span<const float> latents,
             const GenerationProgress& progress) {
    const std::int64_t processes = processes_.world_size();
    const std::int64_t chunk = pictures_of_call(
        count, processes * static_cast<std::int64_t>(workers_.size()), image_bytes_);
    const std::int64_t round = processes * chunk;
    std::vector<Future<Images>> own;  // the chunks of this process
    for (std::int64_t first = processes_.rank() * chunk; first < count; first += round) {
      const std::int64_t size = std::min(chunk, count - first);
      const auto rows =
          latents.empty() ? latents : part(latents, first * latent_dim_, size * latent_dim_);
      auto& worker = workers_[own.size() % workers_.size()];
      own.push_back(worker.call(&GenerationWorker::make, first, size, rows));
    }
    Images all;
    for (std::int64_t i = 0; i * round < count; ++i) {
      const bool has_chunk = i < static_cast<std::int64_t>(own.size());
      append_round(has_chunk ? own[static_cast<std::size_t>(i)].get() : Images{}, all);
      progress(std::min(count, (i + 1) * round), count);
    }
    return all;
  }

 private:
  // The next chunk of each process, in order.
  void append_round(const Images& own, Images& all) {
    processes_.heartbeat();
    const std::string_view bytes(reinterpret_cast<const char*>(own.pixels.data()),
                                 own.pixels.size());
    for (const std::string& pixels : processes_.gather(bytes)) {
      all.pixels.insert(all.pixels.end(), pixels.begin(), pixels.end());
    }
    if (own.count == 0) return;
    all.height = own.height;
    all.width = own.width;
    all.channels = own.channels;
    all.count = static_cast<std::int64_t>(all.pixels.size()) / all.image_bytes();
  }

  Communicator& processes_;
  Runtime runtime_;
  std::vector<Actor<GenerationWorker>> workers_;
  const std::int64_t latent_dim_, image_bytes_;
};

}  // namespace

GenerationResult run_generation(const GenerateConfig& config, Communicator& processes,
                                const GenerationProgress& progress) {
  check_config(config);
  const auto model = std::make_shared<const LoadedGenerator>(load_generator(config.model));
  choose_class(model->spec, config.class_name);  // refused before any work
  const auto latents = read_latents(config, model->spec.latent_dim);
  GenerationResult result;
  result.images = latents ? latents->rows : config.num_images;
  const bool together = !config.grid.empty() || !config.animation.empty();
  if (together && result.images > kMaxSheetImages) {
    throw invalid_argument("--grid and --animation show at most " +
                           std::to_string(kMaxSheetImages) + " pictures, not " +
                           std::to_string(result.images));
  }
  const std::span<const float> rows = latents ? latents->values : std::span<const float>();
  if (config.npy.empty()) make_writable_folder(config.output);
  Generation generation(config, model, processes);
  const Images all = generation.run(result.images, rows, progress);
  if (processes.rank() != 0) return result;
  if (config.npy.empty()) {
    result.written.push_back(config.output);
  } else {
    write_npy(config.npy, all);
    result.written.push_back(config.npy);
  }
  if (!config.grid.empty()) {
    write_sheet(config.grid, all, sheet_columns(config, model->spec),
                result.images <= kMaxZoomedImages ? 2 : 1);
    result.written.push_back(config.grid);
  }
  if (!config.animation.empty()) {
    write_file(config.animation, encode_animation(all, config.frame_ms, animation_zoom(all)));
    result.written.push_back(config.animation);
  }
  return result;
}

}  // namespace miniray
