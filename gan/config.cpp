#include "gan/config.h"

#include <cmath>

#include "engine/error.h"
#include "engine/parallel.h"
#include "gan/job_id.h"

namespace miniray {
namespace {

void check_range(const std::string& flag, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return;
  throw invalid_argument(flag + " must be a whole number from " + std::to_string(low) + " to " +
                         std::to_string(high) + ", not " + std::to_string(value));
}

}  // namespace

void check_config(const TrainConfig& config) {
  if (config.mode == "distributed") {
    throw invalid_argument("--mode distributed does not exist yet; --mode single does");
  }
  if (config.mode != "single") {
    throw invalid_argument("--mode must be single or distributed, not '" + config.mode + "'");
  }
  check_range("--epochs", config.epochs, 0, 1'000'000);
  check_range("--batch-size", config.batch_size, 2, 65'536);
  check_range("--workers", config.workers, 1, 65'536);
  check_range("--sync-interval", config.sync_interval, 1, 1'000'000);
  check_range("--latent-dim", config.latent_dim, 1, 65'536);
  check_range("--threads", config.threads, 0, 1'024);
  check_range("--sample-every", config.sample_every, 0, 1'000'000);
  if (!(std::isfinite(config.lr) && config.lr > 0 && config.lr <= 10)) {
    throw invalid_argument("--lr must be a number above 0 and at most 10, not " +
                           std::to_string(config.lr));
  }
  if (!config.job_id.empty()) check_job_id(config.job_id);
}

void check_config(const GenerateConfig& config) {
  check_range("--num-images", config.num_images, 1, 10'000'000);
  check_range("--threads", config.threads, 0, 1'024);
  if (!config.grid.empty())
    check_range("--num-images with --grid", config.num_images, 1, kMaxSheetImages);
}

int thread_count(std::int64_t threads) {
  return threads == 0 ? available_cores() : static_cast<int>(threads);
}

}  // namespace miniray
