#include "gan/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>

#include "engine/error.h"
#include "engine/parallel.h"
#include "gan/animation.h"
#include "gan/augment.h"
#include "gan/job_id.h"
#include "gan/metrics/metrics.h"

namespace miniray {
namespace {

constexpr std::int64_t kMaxWorkers = 1'024;  // in one process

void check_range(const std::string& flag, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return;
  throw invalid_argument(flag + " must be a whole number from " + std::to_string(low) + " to " +
                         std::to_string(high) + ", not " + std::to_string(value));
}

void check_word(const std::string& flag, const std::string& value,
                std::initializer_list<const char*> words) {
  std::string known;
  for (const char* const word : words) {
    if (value == word) return;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  throw invalid_argument(flag + " must be one of " + known + ", not '" + value + "'");
}

int share_of_cores(std::int64_t threads, int workers) {
  return threads > 0 ? static_cast<int>(threads) : std::max(1, available_cores() / workers);
}

void check_sheet(const std::filesystem::path& path) {
  if (path.extension().empty() || path.extension() == ".png") return;
  throw invalid_argument("--grid writes PNG: a name that ends in .png would be right, not '" +
                         path.string() + "'");
}

void check_animation(const std::string& flag, const std::filesystem::path& path,
                     std::int64_t frame_ms) {
  check_range("--frame-ms", frame_ms, 1, kMaxFrameMs);
  if (path.extension() == ".webp") return;
  throw invalid_argument(flag + " writes animated WebP: its name must end in .webp, not '" +
                         path.string() + "'");
}

void check_objective(const TrainConfig& config) {
  if (!objective(config).penalises()) return;
  const bool batch_norm =
      config.d_norm == "batch" || (config.d_norm == "model" && config.model == "dcgan");
  const std::string needs = std::string(config.loss == "wgan-gp" ? "--loss wgan-gp" : "--r1") +
                            " needs a discriminator whose samples do not depend on each other: ";
  if (config.minibatch_stddev) throw invalid_argument(needs + "leave --minibatch-stddev out");
  if (batch_norm) {
    throw invalid_argument(needs + "with --model " + config.model +
                           " give --d-norm none or spectral");
  }
}

}  // namespace

void check_config(const TrainConfig& config) {
  check_word("--mode", config.mode, {"single", "distributed"});
  check_word("--sync", config.sync, {"epochs", "steps", "gradients"});
  check_word("--sync-moments", config.sync_moments, {"keep", "average", "reset"});
  check_word("--sync-payload", config.sync_payload, {"float32", "bf16"});
  check_word("--outer", config.outer, {"mean", "nesterov", "elastic"});
  if (config.sync == "gradients" && config.outer != "mean") {
    throw invalid_argument("--outer " + config.outer +
                           " needs averages of parameters; --sync gradients takes none");
  }
  check_word("--sharding", config.sharding, {"contiguous", "strided", "reshuffle", "by-class"});
  check_range("--timeout", config.timeout, 1, 86'400);
  check_range("--epochs", config.epochs, 0, 1'000'000);
  check_range("--batch-size", config.batch_size, 2, 65'536);
  check_range("--workers", config.workers, 1, kMaxWorkers);
  check_range("--sync-interval", config.sync_interval, 1, 1'000'000);
  check_word("--model", config.model, {"mlp", "dcgan", "sngan"});
  check_word("--precision", config.precision, {"float32", "bf16"});
  check_word("--d-norm", config.d_norm, {"model", "batch", "spectral", "none"});
  if (!(config.width >= 0.01 && config.width <= 64)) {
    throw invalid_argument("--width must be a number from 0.01 to 64, not " +
                           std::to_string(config.width));
  }
  const Shape image_shape = dataset_shape(dataset_options(config));
  check_range("--latent-dim", config.latent_dim, 1, 65'536);
  check_range("--threads", config.threads, 0, 1'024);
  check_range("--sample-every", config.sample_every, 0, 1'000'000);
  check_range("--eval-every", config.eval_every, 0, 1'000'000);
  check_range("--eval-images", config.eval_images, 2, 10'000'000);
  if (!(std::isfinite(config.lr) && config.lr > 0 && config.lr <= 10)) {
    throw invalid_argument("--lr must be a number above 0 and at most 10, not " +
                           std::to_string(config.lr));
  }
  if (!(std::isfinite(config.d_lr) && config.d_lr >= 0 && config.d_lr <= 10)) {
    throw invalid_argument("--d-lr must be a number from 0 (as --lr) to 10, not " +
                           std::to_string(config.d_lr));
  }
  check_word("--lr-decay", config.lr_decay, {"none", "linear", "cosine"});
  check_range("--warmup-steps", config.warmup_steps, 0, 1'000'000'000);
  if (!(std::isfinite(config.clip_norm) && config.clip_norm >= 0)) {
    throw invalid_argument("--clip-norm must be a number of at least 0 (never), not " +
                           std::to_string(config.clip_norm));
  }
  if (!(config.ema >= 0 && config.ema < 1)) {
    throw invalid_argument("--ema must be a number from 0 (none) to below 1, such as 0.999, not " +
                           std::to_string(config.ema));
  }
  check_range("--accumulate", config.accumulate, 1, 4'096);
  check_range("--d-steps", config.d_steps, 1, 1'000);
  check_word("--loss", config.loss, {"bce", "hinge", "lsgan", "wgan-gp"});
  if (config.minibatch_stddev && config.model == "mlp") {
    throw invalid_argument(
        "--minibatch-stddev is a channel of a discriminator's pictures; --model mlp has none: give "
        "--model dcgan or sngan");
  }
  check_objective(config);
  make_augmentation(config.augment);
  gan_spec(config, image_shape);
  if (!(config.record_interval >= 0 && config.record_interval <= 3600)) {
    throw invalid_argument("--record-interval must be a number from 0 to 3600, not " +
                           std::to_string(config.record_interval));
  }
  if (config.gradient_norms < 0) {
    throw invalid_argument("--gradient-norms must be at least 0, not " +
                           std::to_string(config.gradient_norms));
  }
  CheckpointOptions checkpoints;
  set_checkpoint_interval(config.checkpoint_every, checkpoints);
  check_range("--keep-checkpoints", config.keep_checkpoints, 1, 10'000);
  check_range("--max-failures", config.max_failures, 0, 1'000'000);
  if (!config.job_id.empty()) check_job_id(config.job_id);
}

void set_checkpoint_interval(const std::string& text, CheckpointOptions& checkpoints) {
  const bool minutes = text.ends_with('m');
  const char* const end = text.data() + text.size() - (minutes ? 1 : 0);
  double number = -1;
  const auto [next, failure] = std::from_chars(text.data(), end, number);
  const bool whole = minutes || number == std::floor(number);
  if (failure != std::errc() || next != end || !(number >= 0 && number <= 1e6) || !whole) {
    throw invalid_argument(
        "--checkpoint-every must be a number of epochs such as 5, or of minutes "
        "such as 2.5m, not '" +
        text + "'");
  }
  if (minutes) {
    checkpoints.every = std::chrono::duration<double>(60 * number);
  } else {
    checkpoints.every_epochs = static_cast<std::int64_t>(number);
  }
}

void check_config(const GenerateConfig& config) {
  check_range("--num-images", config.num_images, 1, 10'000'000);
  check_range("--workers", config.workers, 1, kMaxWorkers);
  check_range("--threads", config.threads, 0, 1'024);
  check_sheet(config.grid);
  if (!config.grid.empty())
    check_range("--num-images with --grid", config.num_images, 1, kMaxSheetImages);
  if (!(config.truncation >= 0 && config.truncation <= 100)) {
    throw invalid_argument("--truncation must be a number from 0 (none) to 100, not " +
                           std::to_string(config.truncation));
  }
  if (config.truncation > 0 && !config.latents.empty()) {
    throw invalid_argument("--truncation is for latents that are drawn; --latents gives them");
  }
  check_range("--interpolate", config.interpolate, 1, 10'000);
  if (config.animation.empty()) return;
  check_range("--num-images with --animation", config.num_images, 1, kMaxSheetImages);
  check_animation("--animation", config.animation, config.frame_ms);
}

void check_config(const AnimateConfig& config) {
  check_animation("--output", config.output, config.frame_ms);
}

void check_config(const EvaluateConfig& config) {
  check_range("--num-images", config.num_images, 1, 10'000'000);
  check_range("--workers", config.workers, 1, kMaxWorkers);
  check_range("--threads", config.threads, 0, 1'024);
  parse_metrics(config.metrics);
  if (!config.nearest.empty() && !config.stats.empty()) {
    throw invalid_argument("--nearest looks for pictures, which --stats does not hold");
  }
}

void check_config(const FeaturesConfig& config) {
  dataset_shape({config.data, config.data_dir, config.image_size});
  check_range("--epochs", config.epochs, 1, 1'000'000);
  check_range("--batch-size", config.batch_size, 2, 65'536);
  check_range("--threads", config.threads, 0, 1'024);
  if (!(std::isfinite(config.lr) && config.lr > 0 && config.lr <= 10)) {
    throw invalid_argument("--lr must be a number above 0 and at most 10, not " +
                           std::to_string(config.lr));
  }
}

SyncPolicy sync_policy(const TrainConfig& config) {
  SyncPolicy policy;
  policy.interval = config.sync_interval;
  if (config.sync == "steps") policy.unit = SyncUnit::kSteps;
  if (config.sync == "gradients") policy.unit = SyncUnit::kGradients;
  if (config.sync_moments == "average") policy.moments = MomentSync::kAverage;
  if (config.sync_moments == "reset") policy.moments = MomentSync::kReset;
  if (config.sync_payload == "bf16") policy.payload = Payload::kBfloat16;
  if (config.outer == "nesterov") policy.outer = OuterStep::kNesterov;
  if (config.outer == "elastic") policy.outer = OuterStep::kElastic;
  return policy;
}

DatasetOptions dataset_options(const TrainConfig& config) {
  return {.name = config.data, .data_dir = config.data_dir, .image_size = config.image_size};
}

GanSpec gan_spec(const TrainConfig& config, const Shape& image_shape) {
  GanSpec spec = make_spec(config.model, config.latent_dim, image_shape, config.width,
                           config.d_norm == "model" ? "" : config.d_norm);
  spec.minibatch_stddev = config.minibatch_stddev;
  check_spec(spec);
  return spec;
}

Objective objective(const TrainConfig& config) {
  return make_objective(
      config.loss, config.label_smoothing,
      {.gp_weight = config.gp_weight, .r1 = config.r1, .r1_every = config.r1_every});
}

Precision precision(const TrainConfig& config) {
  return config.precision == "bf16" ? Precision::kBfloat16 : Precision::kFloat32;
}

GanSpec gan_spec(const TrainConfig& config, const Dataset& dataset) {
  GanSpec spec = gan_spec(config, dataset.sample_shape());
  if (!config.conditional) return spec;
  spec.classes = dataset.class_names();
  if (spec.classes.size() < 2) {
    throw invalid_argument("--conditional needs pictures of at least 2 classes; " + dataset.name() +
                           " has " + std::to_string(spec.classes.size()));
  }
  check_spec(spec);
  return spec;
}

int worker_count(const TrainConfig& config) {
  return config.mode == "distributed" ? static_cast<int>(config.workers) : 1;
}

int worker_count(const GenerateConfig& config) {
  return config.distributed ? static_cast<int>(config.workers) : 1;
}

int worker_count(const EvaluateConfig& config) {
  return config.distributed ? static_cast<int>(config.workers) : 1;
}

int threads_per_worker(const TrainConfig& config) {
  return share_of_cores(config.threads, worker_count(config));
}

int threads_per_worker(const GenerateConfig& config) {
  return share_of_cores(config.threads, worker_count(config));
}

int threads_per_worker(const EvaluateConfig& config) {
  return share_of_cores(config.threads, worker_count(config));
}

int threads_of(const FeaturesConfig& config) { return share_of_cores(config.threads, 1); }

}  // namespace miniray
