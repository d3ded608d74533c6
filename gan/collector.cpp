#include "gan/collector.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <utility>

#include "engine/cpu.h"
#include "engine/error.h"
#include "engine/file.h"
#include "gan/config_record.h"
#include "gan/image_io.h"
#include "gan/job_id.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

// Of sheets, which are square: a class a row, where the model takes classes.
constexpr std::int64_t kMinSheetRows = 8, kMaxSheetRows = 16;

// Whether all that it holds is what a run that died before its first record leaves.
bool is_unused(const fs::path& folder) {
  return fs::is_directory(folder) &&
         std::ranges::all_of(fs::directory_iterator(folder), [](const fs::directory_entry& entry) {
           const std::string name = entry.path().filename().string();
           return name.starts_with("config.toml") ||
                  (name == "events.jsonl" && entry.file_size() == 0);
         });
}

void make_run_folder(const fs::path& runs_dir, const fs::path& folder) {
  make_writable_folder(runs_dir);
  if (!fs::create_directory(folder) && !is_unused(folder)) {
    throw invalid_argument("the run '" + folder.string() +
                           "' exists already; choose another job id (--job-id), or none");
  }
}

// Of a run that goes on. What a process that died left of a line is no record.
void cut_broken_line(const fs::path& events) {
  if (!fs::exists(events)) return;
  const MappedFile file(events);
  std::size_t size = file.bytes().size();
  while (size > 0 && file.bytes()[size - 1] != '\n') --size;
  if (size < file.bytes().size()) AppendFile(events).cut(static_cast<std::int64_t>(size));
}

std::string new_job_id(const fs::path& runs_dir) {
  auto seed = static_cast<std::uint64_t>(getpid());
  std::string job_id;
  do {
    job_id = make_job_id(std::time(nullptr), seed++);
  } while (fs::exists(runs_dir / job_id));
  return job_id;
}

// Workers beyond the cores work, but are no faster. Of this process: others may be elsewhere.
std::optional<std::string> oversubscription(int workers, int threads) {
  if (workers == 1 || workers * threads <= available_cores()) return std::nullopt;
  return std::to_string(workers) + " workers of " + std::to_string(threads) +
         (threads == 1 ? " thread" : " threads") + " share " + std::to_string(available_cores()) +
         " cores: fewer workers would be as fast";
}

}  // namespace

// What one worker's thread does. It shares with the others' what an append is safe for: the file.
class Collector::WorkerRecorder final : public TrainObserver {
 public:
  WorkerRecorder(Collector& run, int rank)
      : run_(run),
        rank_(rank),
        meter_(std::chrono::duration_cast<Clock::duration>(
                   std::chrono::duration<double>(run.options_.record_interval)),
               Clock::now()) {}

  void on_step(const StepReport& report) override {
    if (report.sync) last_sync_ = report.sync;
    const auto means = meter_.step(report, Clock::now());
    if (!means) return;
    run_.record_worker(rank_, report, *means);
    if (rank_ != 0) return;
    run_.record_metrics(report, *means);
    record_sync(report.epoch, report.steps_done, last_sync_);
  }

  void on_epoch(const EpochReport& report, const Network<float>&) override {
    if (rank_ != 0) return;
    run_.record_epoch(report);
    record_sync(report.epoch, report.step, report.sync);
    run_.record_samples(report);
  }

 private:
  // Once each: the epoch's last may have followed a step. Of many between two records, the last.
  void record_sync(std::int64_t epoch, std::int64_t step, const std::optional<SyncReport>& sync) {
    if (!sync || sync == recorded_sync_) return;
    recorded_sync_ = sync;
    run_.record_sync(epoch, step, *sync);
  }

  Collector& run_;
  const int rank_;
  StepMeter meter_;
  std::optional<SyncReport> last_sync_, recorded_sync_;
};

Collector::Collector(CollectorOptions options)
    : options_(std::move(options)), exceptions_before_(std::uncaught_exceptions()) {
  if (!options_.job_id.empty()) check_job_id(options_.job_id);
  const double interval = options_.record_interval;
  if (!(interval >= 0 && interval <= 3600)) {
    throw invalid_argument("the interval between records must be from 0 to 3600 seconds, not " +
                           std::to_string(interval));
  }
  if (options_.sample_every < 0) throw invalid_argument("sample_every is below 0");
}

Collector::~Collector() {
  if (std::uncaught_exceptions() > exceptions_before_) fail("an exception ended the run");
  try {
    end();
  } catch (const std::exception&) {  // there is nobody left to tell
  }
}

void Collector::begin(const TrainingInfo& training, Communicator& processes) {
  if (ended_) throw invalid_argument("the run '" + folder_.string() + "' has ended");
  first_process_ = processes.rank() == 0;
  world_size_ = processes.world_size() * training.workers;
  first_rank_ = processes.rank() * training.workers;
  if (folder_.empty()) begin_run(training, processes);
  seed_ = training.gan.seed;
  sampler_.reset();  // before the threads that it uses
  threads_.emplace(training.threads);
  sampler_.emplace(*threads_, training.state.sampling_generator(), training.state.spec);
  classes_ = training.state.spec.class_count();
  workers_.clear();
  for (int i = 0; i < training.workers; ++i) {
    workers_.push_back(std::make_unique<WorkerRecorder>(*this, first_rank_ + i));
  }
}

void Collector::begin_run(const TrainingInfo& training, Communicator& processes) {
  open_folder(processes);
  if (!first_process_) return;
  const RunInfo info = describe(training, processes.world_size());
  write(start_record(info, training));
  if (options_.observer != nullptr) options_.observer->on_start(info);
  if (const auto warning = oversubscription(training.workers, training.threads)) {
    record_warning(*warning);
  }
}

void Collector::open_folder(Communicator& processes) {
  const bool curves = first_process_ && !options_.tensorboard.empty();
  if (first_process_) {
    if (options_.job_id.empty()) options_.job_id = new_job_id(options_.runs_dir);
    // Before the run's folder is made: a run that cannot begin leaves none.
    if (curves) make_writable_folder(options_.tensorboard / options_.job_id);
    const fs::path folder = options_.runs_dir / options_.job_id;
    if (options_.resume) {
      cut_broken_line(folder / "events.jsonl");
    } else {
      make_run_folder(options_.runs_dir, folder);
    }
  }
  options_.job_id = processes.gather(options_.job_id).front();
  folder_ = options_.runs_dir / options_.job_id;
  if (!first_process_) make_writable_folder(folder_);  // where the machine has its own
  // Every process: the folder may be its machine's own. Before any record, so that what has some
  // can be resumed.
  if (!options_.config_text.empty()) write_file(folder_ / "config.toml", options_.config_text);
  writer_.emplace(folder_ / "events.jsonl");
  if (curves) tensorboard_.emplace(options_.tensorboard / options_.job_id);
}

RunInfo Collector::describe(const TrainingInfo& training, int processes) const {
  RunInfo info;
  info.job_id = options_.job_id;
  info.folder = folder_;
  info.dataset = training.dataset.name();
  info.images = training.dataset.size();
  info.processes = processes;
  info.workers = world_size_;
  info.threads = training.threads;
  info.generator_parameters = training.state.generator.plan().parameters().element_count();
  info.discriminator_parameters = training.state.discriminator.plan().parameters().element_count();
  return info;
}

Record Collector::start_record(const RunInfo& info, const TrainingInfo& training) const {
  return Record("run_started")
      .add("job_id", info.job_id)
      .add_object("config", config_record(training, options_))
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

TrainObserver& Collector::worker(int local_rank) {
  return *workers_[static_cast<std::size_t>(local_rank)];
}

void Collector::models_saved(const fs::path& dir) {
  if (!first_process_ || !writer_) return;
  write(Record("models_saved").add("path", dir.string()));
  if (options_.observer != nullptr) options_.observer->on_saved(dir, stopped_);
}

void Collector::fail(const std::string& message) {
  if (!failure_) failure_ = message;
}

void Collector::end() {
  if (!writer_ || ended_) return;
  ended_ = true;
  if (first_process_) {
    Record record("run_ended");
    record.add("how", failure_ ? "failed" : stopped_ ? "interrupted" : "finished");
    if (failure_) record.add("message", *failure_);
    write(record);
  }
}

void Collector::worker_lost(int rank, const std::string& message) {
  write(Record("worker_lost").add("rank", std::int64_t{rank}).add("message", message));
}

void Collector::failure_survived(int rank, const std::string& message) {
  const std::string warning = "worker " + std::to_string(rank) + ": " + message;
  try {
    writer_->write(Record("warning").add("message", warning));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kIo) throw;
  }
  if (rank == 0) warn(warning);  // others' threads leave the observer alone
}

void Collector::checkpoint(const CheckpointReport& report) {
  using Kind = CheckpointReport::Kind;
  const bool taken = report.kind == Kind::kSaved || report.kind == Kind::kResumed;
  if (taken) {
    write(Record(report.kind == Kind::kSaved ? "checkpoint" : "resumed")
              .add("epoch", report.epoch)
              .add("step", report.step)
              .add("path", report.path.lexically_relative(folder_).string())
              .add("seconds", report.seconds));
  } else if (report.kind == Kind::kNotSaved) {
    record_warning("no checkpoint at step " + std::to_string(report.step) + ": " + report.message);
  } else {
    record_warning("a checkpoint cannot be used, an older one is tried: " + report.message);
  }
  if (taken && options_.observer != nullptr) options_.observer->on_checkpoint(report);
  if (taken && !report.message.empty()) record_warning(report.message);
}

void Collector::record_metrics(const StepReport& report, const StepMeter::Means& means) {
  const StepResult& result = means.result;
  Record record("metrics");
  record.add("step", report.steps_done)
      .add("epoch", report.epoch)
      .add("epochs", report.epochs)
      .add("steps_in_epoch", report.steps_in_epoch)
      .add("step_in_epoch", report.step)
      .add("d_loss", result.d_loss)
      .add("g_loss", result.g_loss)
      .add("d_real", result.d_real)
      .add("d_fake", result.d_fake)
      .add("images_per_second", means.images_per_second)
      .add("resident_bytes", resident_bytes());
  std::vector<Scalar> scalars{{"loss/discriminator", result.d_loss},
                              {"loss/generator", result.g_loss},
                              {"discriminator/real", result.d_real},
                              {"discriminator/fake", result.d_fake},
                              {"images_per_second", means.images_per_second}};
  if (result.d_gradient_norm && result.g_gradient_norm) {
    record.add("d_gradient_norm", *result.d_gradient_norm)
        .add("g_gradient_norm", *result.g_gradient_norm);
    scalars.push_back({"gradient_norm/discriminator", *result.d_gradient_norm});
    scalars.push_back({"gradient_norm/generator", *result.g_gradient_norm});
  }
  write(record);
  write_scalars(report.steps_done, scalars);
}

// On any worker's thread. A failure is not told: worker 0 writes into the same file as often.
void Collector::record_worker(int rank, const StepReport& report, const StepMeter::Means& means) {
  try {
    writer_->write(Record("worker")
                       .add("rank", std::int64_t{rank})
                       .add("host", host_name())
                       .add("pid", static_cast<std::int64_t>(getpid()))
                       .add("step", report.steps_done)
                       .add("epoch", report.epoch)
                       .add("shard", report.shard)
                       .add("images_per_second", means.images_per_second / world_size_)
                       .add("d_loss", means.result.d_loss)
                       .add("g_loss", means.result.g_loss)
                       .add("state", "training"));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kIo) throw;
  }
}

void Collector::record_epoch(const EpochReport& report) {
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
}

void Collector::record_sync(std::int64_t epoch, std::int64_t step, const SyncReport& sync) {
  write(Record("sync")
            .add("epoch", epoch)
            .add("step", step)
            .add("bytes", sync.bytes)
            .add("ms", sync.ms)
            .add("divergence", sync.divergence));
  write_scalars(step, {{"sync/divergence", sync.divergence}, {"sync/ms", sync.ms}});
}

void Collector::evaluated(const EvaluationReport& report) {
  Record record("evaluation");
  record.add("epoch", report.epoch).add("step", report.step);
  std::vector<Scalar> scalars;
  for (const MetricValue& metric : report.metrics) {
    record.add(metric.name, metric.value);
    scalars.push_back({"quality/" + metric.name, metric.value});
  }
  write(record);
  write_scalars(report.step, scalars);
  if (options_.observer != nullptr) options_.observer->on_evaluation(report);
}

void Collector::record_samples(const EpochReport& report) {
  if (options_.sample_every == 0 || report.epoch % options_.sample_every != 0) return;
  const std::int64_t rows = std::clamp(classes_, kMinSheetRows, kMaxSheetRows);
  const Sheet sheet = encode_sheet(
      sampler_->generate(seed_, 0, rows * rows,
                         [&](std::int64_t picture) { return picture / rows % classes_; }),
      rows);
  attempt([&] {
    char name[48];
    std::snprintf(name, sizeof name, "samples/epoch_%05lld.png",
                  static_cast<long long>(report.epoch));
    make_writable_folder(folder_ / "samples");
    write_file(folder_ / name, sheet.png);
    writer_->write(
        Record("samples").add("epoch", report.epoch).add("step", report.step).add("path", name));
  });
  if (tensorboard_) {
    attempt([&] { tensorboard_->add_image(report.step, "samples", sheet); });
  }
}

void Collector::write_scalars(std::int64_t step, const std::vector<Scalar>& scalars) {
  if (!tensorboard_) return;
  attempt([&] { tensorboard_->add_scalars(step, scalars); });
}

void Collector::write(const Record& record) {
  attempt([&] { writer_->write(record); });
}

// A full disk must not end hours of training: the models may have another place to go to.
void Collector::attempt(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kIo) throw;
    if (!warned_) warn(std::string(error.what()) + "; the training goes on");
    warned_ = true;
  }
}

void Collector::record_warning(const std::string& message) {
  write(Record("warning").add("message", message));
  warn(message);
}

void Collector::warn(const std::string& message) {
  if (first_process_ && options_.observer != nullptr) options_.observer->on_warning(message);
}

}  // namespace miniray
