#include "gan/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/model_file.h"

namespace miniray {
namespace {

constexpr std::int64_t kMinBatch = 2;

GanTrainerOptions options_of(std::int64_t latent_dim, double lr) {
  GanTrainerOptions options;
  options.model.latent_dim = latent_dim;
  options.optimizer.lr = lr;
  return options;
}

void check(const Dataset& dataset, const GanSpec& spec, const TrainOptions& options) {
  if (dataset.sample_shape() != spec.image_shape) {
    throw invalid_argument("the data set " + dataset.name() + " has pictures of " +
                           dataset.sample_shape().to_string() + ", the model makes " +
                           spec.image_shape.to_string());
  }
  if (options.batch_size < kMinBatch) {
    throw invalid_argument("the batch must have at least 2 pictures, not " +
                           std::to_string(options.batch_size) +
                           ": batch normalisation has no variance of one");
  }
  if (dataset.size() < kMinBatch) throw invalid_argument("the data set has fewer than 2 pictures");
  if (options.epochs < 0) throw invalid_argument("the number of epochs is below 0");
}

void add(StepResult& sum, const StepResult& result) {
  sum.d_loss += result.d_loss;
  sum.g_loss += result.g_loss;
  sum.d_real += result.d_real;
  sum.d_fake += result.d_fake;
}

StepResult divided(const StepResult& sum, std::int64_t count) {
  const auto n = static_cast<double>(std::max<std::int64_t>(count, 1));
  return {sum.d_loss / n, sum.g_loss / n, sum.d_real / n, sum.d_fake / n};
}

void check_finite(const StepResult& result, std::int64_t step) {
  if (std::isfinite(result.d_loss) && std::isfinite(result.g_loss)) return;
  throw invalid_argument("the loss is not finite any more at step " + std::to_string(step) +
                         ": a smaller learning rate may help");
}

}  // namespace

GanTrainer::GanTrainer(std::int64_t latent_dim, double lr)
    : GanTrainer(options_of(latent_dim, lr)) {}

GanTrainer::GanTrainer(const GanTrainerOptions& options)
    : seed_(options.seed),
      threads_(options.threads),
      state_(options.model, options.optimizer, options.seed) {}

TrainResult GanTrainer::train(const Dataset& dataset, const TrainOptions& options,
                              const Observers& observers, const std::atomic<bool>* stop) {
  check(dataset, state_.spec, options);
  StepBuffers buffers(state_, std::min(options.batch_size, dataset.size()));
  TrainResult result;
  const std::int64_t last_epoch = epoch_ + options.epochs;
  while (epoch_ < last_epoch) {
    const auto start = std::chrono::steady_clock::now();
    EpochReport report;
    report.epoch = ++epoch_;
    report.epochs = last_epoch;
    result.stopped = !run_epoch(dataset, options, observers, stop, buffers, report);
    if (result.stopped) return result;
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    result.history.push_back(report);
    for (TrainObserver* observer : observers) observer->on_epoch(report, state_.generator);
  }
  return result;
}

bool GanTrainer::run_epoch(const Dataset& dataset, const TrainOptions& options,
                           const Observers& observers, const std::atomic<bool>* stop,
                           StepBuffers& buffers, EpochReport& report) {
  std::vector<std::uint32_t> shard(static_cast<std::size_t>(dataset.size()));
  std::iota(shard.begin(), shard.end(), 0U);
  const std::vector<std::uint32_t> order = epoch_order(shard, seed_, 0, report.epoch);
  const std::int64_t whole_steps = dataset.size() / options.batch_size;
  const bool short_step = dataset.size() % options.batch_size >= kMinBatch;
  const std::int64_t steps = whole_steps + (short_step ? 1 : 0);
  for (std::int64_t i = 0; i < steps; ++i) {
    if (stop != nullptr && stop->load()) return false;
    const std::int64_t first = i * options.batch_size;
    const std::int64_t batch = std::min(options.batch_size, dataset.size() - first);
    const StepKey key{seed_, 0, ++step_};
    const RandomKey flip_key{
        .seed = seed_, .purpose = RandomPurpose::kFlip, .step = static_cast<std::uint32_t>(step_)};
    fill_batch(threads_, dataset, part(std::span(order), first, batch), options.flip, flip_key,
               buffers.real(batch));
    draw_latents(key, buffers.latents(batch));
    const StepResult result = train_step(threads_, key, batch, state_, buffers);
    check_finite(result, step_);
    add(report.mean, result);
    report.images += batch;
    const StepReport step_report{report.epoch, report.epochs, i + 1, steps, batch, result};
    for (TrainObserver* observer : observers) observer->on_step(step_report);
  }
  report.mean = divided(report.mean, steps);
  report.step = step_;
  return true;
}

void GanTrainer::save_models(const std::filesystem::path& dir) const {
  make_writable_folder(dir);
  save_network(dir / "generator.safetensors", Role::kGenerator, state_.spec, state_.generator);
  save_network(dir / "discriminator.safetensors", Role::kDiscriminator, state_.spec,
               state_.discriminator);
}

}  // namespace miniray
