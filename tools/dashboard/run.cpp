#include "tools/dashboard/run.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace miniray::dashboard {
namespace {

constexpr std::int64_t kSchemaVersion = 1;
constexpr std::int64_t kMaxRank = 4096;
constexpr std::size_t kMaxWorkerRows = 1 << 17;  // of a run's workers together
constexpr std::size_t kMaxConfigBytes = 64 << 10;
constexpr std::size_t kMaxMetrics = 50;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), pattern, values...);
  return text.data();
}

std::string json_of(simdjson::dom::object element) {
  std::string text = simdjson::minify(element);
  return text.size() <= kMaxConfigBytes ? text : "{}";
}

}  // namespace

const char* const Run::kColumnNames[kColumns] = {
    "d_loss",         "g_loss",          "d_real",         "d_fake", "images_per_second",
    "resident_bytes", "d_gradient_norm", "g_gradient_norm"};
const char* const Run::kWorkerColumnNames[Worker::kColumns] = {"d_loss", "g_loss",
                                                               "images_per_second"};

void Run::apply(const RecordFields& record) {
  if (record.integer("v") > kSchemaVersion) newer_version = true;
  const std::int64_t now = record.time_ms();
  if (updated_ms > 0) longest_pause_ms_ = std::max(longest_pause_ms_, now - updated_ms);
  updated_ms = std::max(updated_ms, now);

  const std::string type = record.text("type");
  if (type == "metrics") return apply_metrics(record);
  if (type == "worker") return apply_worker(record);
  if (type == "epoch") return apply_epoch(record);
  if (type == "sync") return apply_sync(record);
  if (type == "run_started") return apply_start(record);
  if (type == "evaluation") return apply_evaluation(record);
  if (type == "run_ended") return apply_end(record);
  const std::int64_t at_epoch = record.integer("epoch"), at_step = record.integer("step");
  if (type == "samples") {
    samples.add({at_epoch, at_step, record.text("path")});
    say(record, Level::kInfo, "samples in " + record.text("path"));
  } else if (type == "checkpoint") {
    checkpoints.add({at_epoch, at_step, record.text("path")});
    say(record, Level::kInfo, "checkpoint in " + record.text("path"));
  } else if (type == "resumed") {
    say(record, Level::kInfo,
        format("resumed in epoch %lld at step %lld from ", static_cast<long long>(at_epoch),
               static_cast<long long>(at_step)) +
            record.text("path"));
  } else if (type == "models_saved") {
    say(record, Level::kInfo, "models saved in " + record.text("path"));
  } else if (type == "warning") {
    ++warnings;
    say(record, Level::kWarning, record.text("message"));
  } else if (type == "worker_lost") {
    const auto worker = workers.find(static_cast<int>(record.integer("rank")));
    if (worker != workers.end()) worker->second.lost = true;
    say(record, Level::kError,
        "worker " + std::to_string(record.integer("rank")) + " lost: " + record.text("message"));
  }
}

void Run::apply_start(const RecordFields& record) {
  dataset = record.text("dataset");
  host = record.text("host");
  version = record.text("version");
  pid = record.integer("pid");
  world = std::clamp<std::int64_t>(record.integer("world"), 0, kMaxRank);
  parameters = record.integer("parameters");
  if (started_ms == 0) started_ms = record.time_ms();
  started_record = json_of(record.object());
  model = "mlp";
  simdjson::dom::object fields;
  if (record.object()["config"].get(fields) == simdjson::SUCCESS) {
    config = json_of(fields);
    const RecordFields wanted(fields);
    if (const std::string name = wanted.text("model"); !name.empty()) model = name;
    if (const double interval = wanted.number("record_interval"); interval >= 0) {
      record_interval_ = std::min(interval, 3600.0);
    }
    epochs = std::max(epochs, wanted.integer("epochs"));
  }
  // A run that goes on after it had ended.
  ending = Ending::kNone;
  end_message.clear();
  first_progress_ = -1;
  longest_pause_ms_ = 0;
  // It may go on with fewer.
  if (world > 0) std::erase_if(workers, [&](const auto& each) { return each.first >= world; });
  for (auto& [rank, worker] : workers) worker.lost = false;
  ++rewrites;
  say(record, Level::kInfo,
      format("started: %s, %lld pictures, %lld %s on ", dataset.c_str(),
             static_cast<long long>(record.integer("images")), static_cast<long long>(world),
             world == 1 ? "worker" : "workers") +
          host + " (" + record.text("cpu") + ")");
}

void Run::apply_metrics(const RecordFields& record) {
  step = record.integer("step");
  epoch = record.integer("epoch");
  epochs = record.integer("epochs");
  step_in_epoch = record.integer("step_in_epoch");
  steps_in_epoch = record.integer("steps_in_epoch");
  std::array<float, kColumns> row;
  for (std::size_t column = 0; column < kColumns; ++column) {
    row[column] = record.real(kColumnNames[column]);
  }
  d_loss = row[kDLoss];
  g_loss = row[kGLoss];
  images_per_second = row[kImagesPerSecond];
  has_metrics = true;
  sparkline.add(g_loss);
  if (!series.append(step, record.time_ms(), row)) ++rewrites;
  if (first_progress_ < 0) {
    first_progress_ = progress();
    first_progress_ms_ = record.time_ms();
  }
}

void Run::apply_worker(const RecordFields& record) {
  const std::int64_t rank = record.integer("rank");
  if (rank < 0 || rank >= kMaxRank) return;
  const std::size_t max_rows = std::max<std::size_t>(
      256, kMaxWorkerRows / static_cast<std::size_t>(std::max<std::int64_t>(
                                world, static_cast<std::int64_t>(workers.size()) + 1)));
  Worker& worker = workers.try_emplace(static_cast<int>(rank), max_rows).first->second;
  worker.host = record.text("host").substr(0, 200);
  worker.pid = record.integer("pid");
  worker.step = record.integer("step");
  worker.epoch = record.integer("epoch");
  worker.shard = record.integer("shard");
  worker.heartbeat_ms = record.time_ms();
  worker.lost = false;
  std::array<float, Worker::kColumns> row;
  for (std::size_t column = 0; column < Worker::kColumns; ++column) {
    row[column] = record.real(kWorkerColumnNames[column]);
  }
  if (!worker.series.append(worker.step, worker.heartbeat_ms, row)) ++rewrites;
}

void Run::apply_epoch(const RecordFields& record) {
  epoch = record.integer("epoch");
  epochs = std::max(epochs, record.integer("epochs"));
  step = record.integer("step");
  step_in_epoch = steps_in_epoch;
  say(record, Level::kInfo,
      format("epoch %lld of %lld: D loss %.4f, G loss %.4f, D(real) %.3f, D(fake) %.3f, %.0f "
             "images/s, %.1f s",
             static_cast<long long>(epoch), static_cast<long long>(epochs), record.number("d_loss"),
             record.number("g_loss"), record.number("d_real"), record.number("d_fake"),
             record.number("images_per_second"), record.number("seconds")));
}

void Run::apply_sync(const RecordFields& record) {
  const std::array<float, kSyncColumns> row{record.real("ms"), record.real("bytes"),
                                            record.real("divergence")};
  // Not in the log: there may be one a second.
  if (!syncs.append(record.integer("step"), record.time_ms(), row)) ++rewrites;
}

void Run::apply_evaluation(const RecordFields& record) {
  Evaluation evaluation{record.integer("epoch"), record.integer("step"), {}};
  std::string text = format("evaluation of epoch %lld:", static_cast<long long>(evaluation.epoch));
  for (const auto& field : record.object()) {
    double value = 0;
    if (field.key == "v" || field.key == "epoch" || field.key == "step") continue;
    if (field.value.get(value) != simdjson::SUCCESS) continue;
    if (evaluation.values.size() == kMaxMetrics) break;
    evaluation.values.emplace_back(field.key.substr(0, 100), value);
    text += " " + evaluation.values.back().first + format(" %.4g", value);
  }
  say(record, Level::kInfo, text);
  evaluations.add(std::move(evaluation));
}

void Run::apply_end(const RecordFields& record) {
  const std::string how = record.text("how");
  end_message = record.text("message");
  ending = how == "finished"      ? Ending::kFinished
           : how == "interrupted" ? Ending::kInterrupted
                                  : Ending::kFailed;
  say(record, ending == Ending::kFailed ? Level::kError : Level::kInfo,
      "run " + how + (end_message.empty() ? "" : ": " + end_message));
}

void Run::say(const RecordFields& record, Level level, std::string text) {
  log.add({static_cast<std::int64_t>(log.total()), record.time_ms(), level, std::move(text)});
}

std::size_t Run::rows() const {
  std::size_t sum = series.rows();
  for (const auto& [rank, worker] : workers) sum += worker.series.rows();
  return sum;
}

bool Run::shrink() {
  Series* longest = &series;
  for (auto& [rank, worker] : workers) {
    if (worker.series.rows() > longest->rows()) longest = &worker.series;
  }
  constexpr std::size_t kShort = 256;
  if (longest->rows() <= kShort) return false;
  longest->halve();
  ++rewrites;
  return true;
}

double Run::progress() const {
  if (ending == Ending::kFinished) return 1;
  if (epochs <= 0 || epoch <= 0) return epochs > 0 ? 0 : -1;
  const double part = steps_in_epoch > 0
                          ? static_cast<double>(step_in_epoch) / static_cast<double>(steps_in_epoch)
                          : 1;
  return std::clamp((static_cast<double>(epoch - 1) + part) / static_cast<double>(epochs), 0.0,
                    1.0);
}

std::int64_t Run::patience_ms() const {
  constexpr std::int64_t kLeast = 15'000, kMost = 600'000;
  const auto interval = static_cast<std::int64_t>(record_interval_ * 1000);
  return std::clamp(std::max(5 * interval, 3 * longest_pause_ms_), kLeast,
                    std::max(kMost, 5 * interval));
}

std::int64_t eta_seconds(const Run& run) {
  const double made = run.progress() - run.first_progress_;
  if (run.ending != Ending::kNone || run.first_progress_ < 0 || made <= 0) return -1;
  const double seconds = static_cast<double>(run.updated_ms - run.first_progress_ms_) / 1000;
  return static_cast<std::int64_t>(std::min(seconds / made * (1 - run.progress()), 1e12));
}

}  // namespace miniray::dashboard
