#include "gan/training_run.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <functional>

#include "engine/cpu.h"
#include "engine/error.h"
#include "engine/file.h"
#include "gan/image_io.h"
#include "gan/job_id.h"
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
      .add("latent_dim", config.latent_dim)
      .add("lr", config.lr)
      .add("save_dir", config.save_dir.string())
      .add("data", config.data)
      .add("flip", config.flip ? "random" : "never")
      .add("seed", std::to_string(config.seed))
      .add("sample_every", config.sample_every);
  return fields;
}

// Keeps the run's folder: records, sample sheets. What fails here is a warning, said once.
class RunRecorder final : public TrainObserver {
 public:
  RunRecorder(const fs::path& folder, const TrainConfig& config, const GanTrainer& trainer,
              RunObserver& observer)
      : folder_(folder),
        config_(config),
        observer_(observer),
        writer_(folder / "events.jsonl"),
        sampler_(trainer.threads(), trainer.state().generator, trainer.state().spec.image_shape) {}

  void write(const Record& record) {
    attempt([&] { writer_.write(record); });
  }

  void on_step(const StepReport&) override {}

  void on_epoch(const EpochReport& report, const Network<float>&) override {
    write(Record("epoch")
              .add("epoch", report.epoch)
              .add("epochs", report.epochs)
              .add("step", report.step)
              .add("d_loss", report.mean.d_loss)
              .add("g_loss", report.mean.g_loss)
              .add("d_real", report.mean.d_real)
              .add("d_fake", report.mean.d_fake)
              .add("seconds", report.seconds)
              .add("images_per_second", report.images_per_second())
              .add("resident_bytes", resident_bytes()));
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
  Sampler sampler_;
  bool warned_ = false;
};

Record start_record(const RunInfo& info, const TrainConfig& config) {
  return Record("run_started")
      .add("job_id", info.job_id)
      .add_object("config", config_fields(config))
      .add("dataset", info.dataset)
      .add("images", info.images)
      .add("world", std::int64_t{1})
      .add("version", MINIRAY_VERSION)
      .add("host", host_name())
      .add("pid", static_cast<std::int64_t>(getpid()))
      .add("cpu", cpu_model())
      .add("simd", simd_target())
      .add("blas", blas_description())
      .add("threads", static_cast<std::int64_t>(info.threads))
      .add("parameters", info.generator_parameters + info.discriminator_parameters);
}

GanTrainerOptions trainer_options(const TrainConfig& config, const Dataset& dataset) {
  GanTrainerOptions options;
  options.model.latent_dim = config.latent_dim;
  options.model.image_shape = dataset.sample_shape();
  options.optimizer.lr = config.lr;
  options.seed = config.seed;
  options.threads = thread_count(config.threads);
  return options;
}

}  // namespace

TrainResult run_training(const TrainConfig& config, const std::string& config_text,
                         RunObserver& observer, const std::atomic<bool>& stop) {
  check_config(config);
  const auto dataset = open_dataset(config.data, config.data_dir);
  make_writable_folder(config.save_dir);  // now, not after hours of training
  GanTrainer trainer(trainer_options(config, *dataset));

  RunInfo info;
  info.job_id = config.job_id.empty()
                    ? make_job_id(std::time(nullptr), static_cast<std::uint64_t>(getpid()))
                    : config.job_id;
  info.folder = make_run_folder(config, info.job_id);
  info.dataset = dataset->name();
  info.images = dataset->size();
  info.threads = trainer.threads().threads();
  info.generator_parameters = trainer.state().generator.plan().parameters().element_count();
  info.discriminator_parameters = trainer.state().discriminator.plan().parameters().element_count();
  write_file(info.folder / "config.toml", config_text);
  RunRecorder recorder(info.folder, config, trainer, observer);
  recorder.write(start_record(info, config));
  observer.on_start(info);

  try {
    const TrainOptions options{.epochs = config.epochs,
                               .batch_size = config.batch_size,
                               .flip = config.flip ? Flip::kRandom : Flip::kNever};
    TrainResult result = trainer.train(*dataset, options, {&recorder, &observer}, &stop);
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

}  // namespace miniray
