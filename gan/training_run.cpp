#include "gan/training_run.h"

#include <algorithm>
#include <sstream>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/collector.h"
#include "gan/launch_check.h"

namespace miniray {
namespace {

std::string text(double value) { return (std::ostringstream() << value).str(); }

// Before a run's folder is made.
void check_enough_pictures(const Dataset& dataset, const TrainConfig& config, int workers) {
  if (dataset.size() / workers < EpochBatches::kMinBatch) {
    throw invalid_argument(std::to_string(workers) + " workers are too many for the " +
                           std::to_string(dataset.size()) + " pictures of " + dataset.name() +
                           ": each needs at least 2");
  }
  make_sharding(config.sharding, config.seed)(dataset, 0, workers,
                                              1);  // by-class has its own limit
}

// Null where it was stopped before the data set was ready.
std::unique_ptr<Dataset> open(const TrainConfig& config, Communicator& processes,
                              RunObserver& observer, const std::atomic<bool>& stop) {
  const bool first = processes.rank() == 0;
  const auto progress = [&](std::int64_t done, std::int64_t total) {
    processes.heartbeat();  // others wait for this process
    if (first) observer.on_decode(done, total);
  };
  const auto warn = [&](const std::string& message) {
    if (first) observer.on_warning(message);
  };
  return open_dataset(
      dataset_options(config),
      {.threads = std::min(available_cores(), worker_count(config) * threads_per_worker(config)),
       .progress = progress,
       .warn = warn,
       .stop = &stop});
}

GanOptions gan_options(const TrainConfig& config, const Dataset& dataset) {
  GanOptions options;
  options.model = gan_spec(config, dataset);
  options.optimizer.lr = config.lr;
  if (config.d_lr > 0) options.discriminator_lr = config.d_lr;
  options.objective = objective(config);
  options.schedule = {make_decay(config.lr_decay), config.warmup_steps};
  options.precision = precision(config);
  options.ema = config.ema;
  options.seed = config.seed;
  return options;
}

CheckpointOptions checkpoint_options(const TrainConfig& config, const Dataset& dataset) {
  CheckpointOptions options;
  set_checkpoint_interval(config.checkpoint_every, options);
  options.keep = config.keep_checkpoints;
  options.resume = !config.resume.empty();
  options.data = fingerprint(dataset);
  return options;
}

TrainOptions train_options(const TrainConfig& config, const Dataset& dataset) {
  return {.epochs = config.epochs,
          .batch_size = config.batch_size,
          .accumulate = config.accumulate,
          .d_steps = config.d_steps,
          .clip_norm = config.clip_norm,
          .flip = config.flip ? Flip::kRandom : Flip::kNever,
          .augmentation = make_augmentation(config.augment),
          .sync = sync_policy(config),
          .sharding = make_sharding(config.sharding, config.seed),
          .gradient_norms = config.gradient_norms,
          .checkpoints = checkpoint_options(config, dataset),
          .divergence_guard = !config.no_divergence_guard,
          .max_failures = config.max_failures};
}

CollectorOptions collector_options(const TrainConfig& config, const std::string& config_text,
                                   RunObserver& observer) {
  return {.runs_dir = config.runs_dir,
          .job_id = config.job_id,
          .sample_every = config.sample_every,
          .record_interval = config.record_interval,
          .tensorboard = config.tensorboard,
          .settings = {{"mode", config.mode},
                       {"data", config.data},
                       {"image_size", std::to_string(config.image_size)},
                       {"sharding", config.sharding},
                       {"loss", config.loss},
                       {"label_smoothing", text(config.label_smoothing)},
                       {"gp_weight", text(config.gp_weight)},
                       {"r1", text(config.r1)},
                       {"r1_every", std::to_string(config.r1_every)},
                       {"d_lr", text(config.d_lr > 0 ? config.d_lr : config.lr)},
                       {"lr_decay", config.lr_decay},
                       {"warmup_steps", std::to_string(config.warmup_steps)},
                       {"clip_norm", text(config.clip_norm)},
                       {"ema", text(config.ema)},
                       {"accumulate", std::to_string(config.accumulate)},
                       {"d_steps", std::to_string(config.d_steps)},
                       {"augment", config.augment},
                       {"width", text(config.width)},
                       {"precision", config.precision},
                       {"d_norm", config.d_norm},
                       {"minibatch_stddev", config.minibatch_stddev ? "true" : "false"},
                       {"conditional", config.conditional ? "true" : "false"},
                       {"eval_every", std::to_string(config.eval_every)},
                       {"eval_images", std::to_string(config.eval_images)},
                       {"save_dir", config.save_dir.string()}},
          .config_text = config_text,
          .resume = !config.resume.empty(),
          .observer = &observer};
}

// Null where no evaluation is asked for, and in processes but the first.
std::unique_ptr<EpochEvaluator> make_evaluator(const TrainConfig& config, const GanSpec& spec,
                                               const Dataset& dataset, bool first_process,
                                               Collector& collector, RunObserver& observer) {
  if (config.eval_every == 0 || !first_process) return nullptr;
  return std::make_unique<EpochEvaluator>(
      EvaluationOptions{.every = config.eval_every,
                        .images = config.eval_images,
                        .seed = config.seed,
                        .features = config.eval_features,
                        .cache_dir = statistics_folder(config.data_dir),
                        .best_dir = config.save_dir / "best",
                        .resume = !config.resume.empty(),
                        .threads = std::min(available_cores(),
                                            worker_count(config) * threads_per_worker(config))},
      spec, dataset, [&](const EvaluationReport& report) { collector.evaluated(report); },
      [&](const std::string& message) { observer.on_warning(message); });
}

// The run once there is a trainer: GanTrainer or DistributedGanTrainer.
template <class Trainer>
TrainResult run_with(Trainer& trainer, const Dataset& dataset, const TrainConfig& config,
                     Collector& collector, const Observers& observers,
                     const std::atomic<bool>& stop) {
  try {
    TrainOptions options = train_options(config, dataset);
    options.collector = &collector;
    TrainResult result = trainer.train(dataset, options, observers, &stop);
    trainer.save_models(config.save_dir);
    collector.models_saved(config.save_dir);
    collector.end();
    return result;
  } catch (const std::exception& error) {
    collector.fail(error.what());
    collector.end();
    throw;
  }
}

}  // namespace

TrainResult run_training(const TrainConfig& config, const std::string& config_text,
                         ProcessGroup& processes, RunObserver& observer,
                         const std::atomic<bool>& stop) {
  check_config(config);
  const int process_count = processes.communicator().world_size();
  if (config.mode == "single" && process_count > 1) {
    throw invalid_argument("mpirun started " + std::to_string(process_count) +
                           " processes of --mode single; --mode distributed would be right");
  }
  const auto dataset = open(config, processes.communicator(), observer, stop);
  if (dataset == nullptr) return {.history = {}, .stopped = true};
  check_alike(processes.communicator(), config, *dataset);
  make_writable_folder(config.save_dir);  // now, not after hours of training
  const GanOptions options = gan_options(config, *dataset);
  Collector collector(collector_options(config, config_text, observer));  // outlives the workers
  const auto evaluator = make_evaluator(config, options.model, *dataset,
                                        processes.communicator().rank() == 0, collector, observer);
  Observers observers{&observer};
  if (evaluator) observers.push_back(evaluator.get());
  if (config.mode == "single") {
    GanTrainer trainer(options, threads_per_worker(config));
    return run_with(trainer, *dataset, config, collector, observers, stop);
  }
  check_enough_pictures(*dataset, config, process_count * worker_count(config));
  DistributedGanTrainer trainer(options,
                                {.num_workers = worker_count(config),
                                 .threads_per_worker = threads_per_worker(config),
                                 .timeout = std::chrono::seconds(config.timeout),
                                 .on_hang = [&](auto& reason) { observer.on_hang(reason); },
                                 .processes = &processes});
  return run_with(trainer, *dataset, config, collector, observers, stop);
}

}  // namespace miniray
