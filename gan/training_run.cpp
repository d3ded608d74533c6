#include "gan/training_run.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <functional>
#include <optional>

#include "engine/cpu.h"
#include "engine/error.h"
#include "engine/file.h"
#include "gan/image_io.h"
#include "gan/job_id.h"
#include "gan/launch_check.h"
#include "gan/records.h"
#include "gan/sampler.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSheetImages = 64;

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

fs::path make_run_folder(const TrainConfig& config, const std::string& job_id) {
  make_writable_folder(config.runs_dir);
  const fs::path folder = config.runs_dir / job_id;
  if (!fs::create_directory(folder)) {
    throw invalid_argument("the run '" + folder.string() +
                           "' exists already; choose another --job-id, or none");
  }
  return folder;
}

Record config_fields(const TrainConfig& config) {
  Record fields = Record::fields();
  fields.add("mode", config.mode)
      .add("epochs", config.epochs)
      .add("batch_size", config.batch_size)
      .add("model", config.model)
      .add("width", config.width)
      .add("latent_dim", config.latent_dim)
      .add("lr", config.lr)
      .add("save_dir", config.save_dir.string())
      .add("data", config.data)
      .add("flip", config.flip ? "random" : "never")
      .add("seed", std::to_string(config.seed))
      .add("sample_every", config.sample_every)
      .add("workers", config.workers)
      .add("sync", config.sync)
      .add("sync_interval", config.sync_interval)
      .add("sync_moments", config.sync_moments)
      .add("sync_payload", config.sync_payload)
      .add("outer", config.outer)
      .add("sharding", config.sharding);
  return fields;
}

// Keeps the run's folder: records, sample sheets. What fails here is a warning, said once.
class RunRecorder final : public TrainObserver {
 public:
  RunRecorder(const RunInfo& info, const TrainConfig& config, const GanState& state,
              RunObserver& observer)
      : folder_(info.folder),
        config_(config),
        observer_(observer),
        writer_(info.folder / "events.jsonl"),
        threads_(info.threads),
        sampler_(threads_, state.generator, state.spec.image_shape) {}

  void write(const Record& record) {
    attempt([&] { writer_.write(record); });
  }

  void on_step(const StepReport&) override {}

  void on_epoch(const EpochReport& report, const Network<float>&) override {
    Record record("epoch");
    record.add("epoch", report.epoch)
        .add("epochs", report.epochs)
        .add("step", report.step)
        .add("d_loss", report.mean.d_loss)
        .add("g_loss", report.mean.g_loss)
        .add("d_real", report.mean.d_real)
        .add("d_fake", report.mean.d_fake)
        .add("seconds", report.seconds)
        .add("images_per_second", report.images_per_second())
        .add("resident_bytes", resident_bytes());
    write(record);
    for (std::size_t rank = 0; rank < report.workers.size(); ++rank) {
      const StepResult& worker = report.workers[rank];
      write(Record("worker_epoch")
                .add("epoch", report.epoch)
                .add("rank", static_cast<std::int64_t>(rank))
                .add("d_loss", worker.d_loss)
                .add("g_loss", worker.g_loss)
                .add("d_real", worker.d_real)
                .add("d_fake", worker.d_fake));
    }
    if (report.sync) {
      write(Record("sync")
                .add("epoch", report.epoch)
                .add("bytes", report.sync->bytes)
                .add("ms", report.sync->ms)
                .add("divergence", report.sync->divergence));
    }
    if (config_.sample_every > 0 && report.epoch % config_.sample_every == 0) {
      attempt([&] { write_samples(report.epoch); });
    }
  }

 private:
  void write_samples(std::int64_t epoch) {
    make_writable_folder(folder_ / "samples");
    char name[48];
    std::snprintf(name, sizeof name, "samples/epoch_%05lld.png", static_cast<long long>(epoch));
    write_sheet(folder_ / name, sampler_.generate(config_.seed, 0, kSheetImages));
    writer_.write(Record("samples").add("epoch", epoch).add("path", name));
  }

  // A full disk must not end hours of training: the models may have another place to go to.
  void attempt(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kIo) throw;
      if (!warned_) observer_.on_warning(std::string(error.what()) + "; the training goes on");
      warned_ = true;
    }
  }

  fs::path folder_;
  const TrainConfig& config_;
  RunObserver& observer_;
  RecordWriter writer_;
  ThreadBudget threads_;
  Sampler sampler_;
  bool warned_ = false;
};

Record start_record(const RunInfo& info, const TrainConfig& config) {
  return Record("run_started")
      .add("job_id", info.job_id)
      .add_object("config", config_fields(config))
      .add("dataset", info.dataset)
      .add("images", info.images)
      .add("world", static_cast<std::int64_t>(info.workers))
      .add("processes", static_cast<std::int64_t>(info.processes))
      .add("version", MINIRAY_VERSION)
      .add("host", host_name())
      .add("pid", static_cast<std::int64_t>(getpid()))
      .add("cpu", cpu_model())
      .add("simd", simd_target())
      .add("threads", static_cast<std::int64_t>(info.threads))
      .add("parameters", info.generator_parameters + info.discriminator_parameters);
}

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

GanOptions gan_options(const TrainConfig& config, const Dataset& dataset) {
  GanOptions options;
  options.model = gan_spec(config, dataset.sample_shape());
  options.optimizer.lr = config.lr;
  options.seed = config.seed;
  return options;
}

TrainOptions train_options(const TrainConfig& config) {
  return {.epochs = config.epochs,
          .batch_size = config.batch_size,
          .flip = config.flip ? Flip::kRandom : Flip::kNever,
          .sync = sync_policy(config),
          .sharding = make_sharding(config.sharding, config.seed)};
}

RunInfo make_info(const TrainConfig& config, const Dataset& dataset, int processes,
                  const GanState& state) {
  RunInfo info;
  info.job_id = config.job_id.empty()
                    ? make_job_id(std::time(nullptr), static_cast<std::uint64_t>(getpid()))
                    : config.job_id;
  info.folder = make_run_folder(config, info.job_id);
  info.dataset = dataset.name();
  info.images = dataset.size();
  info.processes = processes;
  info.workers = processes * worker_count(config);
  info.threads = threads_per_worker(config);
  info.generator_parameters = state.generator.plan().parameters().element_count();
  info.discriminator_parameters = state.discriminator.plan().parameters().element_count();
  return info;
}

// Workers beyond the cores work, but are no faster. Of this process: others may be elsewhere.
std::optional<std::string> oversubscription(const TrainConfig& config) {
  const int workers = worker_count(config), threads = threads_per_worker(config);
  if (workers == 1 || workers * threads <= available_cores()) return std::nullopt;
  return std::to_string(workers) + " workers of " + std::to_string(threads) +
         (threads == 1 ? " thread" : " threads") + " share " + std::to_string(available_cores()) +
         " cores: fewer workers would be as fast";
}

// The run once there is a trainer: GanTrainer or DistributedGanTrainer.
template <class Trainer>
TrainResult run_with(Trainer& trainer, const Dataset& dataset, const TrainConfig& config,
                     const std::string& config_text, int processes, RunObserver& observer,
                     const std::atomic<bool>& stop) {
  const RunInfo info = make_info(config, dataset, processes, trainer.state());
  write_file(info.folder / "config.toml", config_text);
  RunRecorder recorder(info, config, trainer.state(), observer);
  recorder.write(start_record(info, config));
  observer.on_start(info);
  if (const auto warning = oversubscription(config)) {
    recorder.write(Record("warning").add("message", *warning));
    observer.on_warning(*warning);
  }
  try {
    TrainResult result =
        trainer.train(dataset, train_options(config), {&recorder, &observer}, &stop);
    trainer.save_models(config.save_dir);
    recorder.write(Record("models_saved").add("path", config.save_dir.string()));
    recorder.write(Record("run_ended").add("how", result.stopped ? "interrupted" : "finished"));
    observer.on_saved(config.save_dir, result.stopped);
    return result;
  } catch (const std::exception& error) {
    recorder.write(Record("run_ended").add("how", "failed").add("message", error.what()));
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
  const auto dataset = open_dataset(config.data, config.data_dir);
  check_alike(processes.communicator(), config, *dataset);
  make_writable_folder(config.save_dir);  // now, not after hours of training
  const GanOptions options = gan_options(config, *dataset);
  if (config.mode == "single") {
    GanTrainer trainer(options, threads_per_worker(config));
    return run_with(trainer, *dataset, config, config_text, process_count, observer, stop);
  }
  check_enough_pictures(*dataset, config, process_count * worker_count(config));
  DistributedGanTrainer trainer(options,
                                {.num_workers = worker_count(config),
                                 .threads_per_worker = threads_per_worker(config),
                                 .timeout = std::chrono::seconds(config.timeout),
                                 .on_hang = [&](auto& reason) { observer.on_hang(reason); },
                                 .processes = &processes});
  if (processes.communicator().rank() == 0) {
    return run_with(trainer, *dataset, config, config_text, process_count, observer, stop);
  }
  TrainResult result = trainer.train(*dataset, train_options(config), {}, &stop);
  trainer.save_models(config.save_dir);
  return result;
}

}  // namespace miniray
