// What a run's records (gan/records.h) add up to. Memory stays bounded whatever they hold.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/dashboard/record_fields.h"
#include "tools/dashboard/series.h"
#include "tools/dashboard/sparkline.h"

namespace miniray::dashboard {

// The newest of many.
template <class T>
class Newest {
 public:
  explicit Newest(std::size_t max) : max_(max) {}
  void add(T value) {
    values_.push_back(std::move(value));
    if (values_.size() > max_) values_.pop_front();
    ++total_;
  }
  const std::deque<T>& values() const { return values_; }
  std::size_t total() const { return total_; }  // those forgotten included

 private:
  std::size_t max_, total_ = 0;
  std::deque<T> values_;
};

enum class Ending { kNone, kFinished, kInterrupted, kFailed };
enum class Level { kInfo, kWarning, kError };

struct Sheet {
  std::int64_t epoch, step;
  std::string path;
};
using Checkpoint = Sheet;
struct Evaluation {
  std::int64_t epoch, step;
  std::vector<std::pair<std::string, double>> values;
};
struct LogLine {
  std::int64_t number, time_ms;
  Level level;
  std::string text;
};

struct Worker {
  enum Column { kDLoss, kGLoss, kImagesPerSecond, kColumns };

  explicit Worker(std::size_t max_rows) : series(kColumns, max_rows) {}

  std::string host;
  std::int64_t pid = 0, step = 0, epoch = 0, shard = 0, heartbeat_ms = 0;
  bool lost = false;
  Series series;
};

struct Run {
  enum Column {
    kDLoss,
    kGLoss,
    kDReal,
    kDFake,
    kImagesPerSecond,
    kResidentBytes,
    kDGradientNorm,
    kGGradientNorm,
    kColumns
  };
  enum SyncColumn { kSyncMs, kSyncBytes, kSyncDivergence, kSyncColumns };
  // As the API calls them.
  static const char* const kColumnNames[kColumns];
  static const char* const kWorkerColumnNames[Worker::kColumns];

  explicit Run(std::string id) : id(std::move(id)) {}

  void apply(const RecordFields& record);
  void add_corrupt_lines(std::int64_t count) { corrupt_lines += count; }
  // Thins the longest curve; false where all are short.
  bool shrink();
  std::size_t rows() const;

  // From 0 to 1; below 0 where it is not known.
  double progress() const;
  // How long its records may pause before it counts as stopped.
  std::int64_t patience_ms() const;

  std::string id;
  std::string dataset, model, host, version, end_message;
  std::string started_record = "{}", config = "{}";  // JSON
  std::int64_t pid = 0, world = 0, parameters = 0;
  std::int64_t started_ms = 0, updated_ms = 0;  // by the records' own clock; 0: never
  std::int64_t epoch = 0, epochs = 0, step = 0, step_in_epoch = 0, steps_in_epoch = 0;
  float d_loss = 0, g_loss = 0, images_per_second = 0;
  bool has_metrics = false;
  Ending ending = Ending::kNone;
  std::int64_t warnings = 0, corrupt_lines = 0;
  bool newer_version = false;

  Series series{kColumns, 1 << 16};
  Series syncs{kSyncColumns, 1 << 14};
  std::map<int, Worker> workers;
  Newest<Sheet> samples{20'000};
  Newest<Checkpoint> checkpoints{1'000};
  Newest<Evaluation> evaluations{10'000};
  Newest<LogLine> log{10'000};
  Sparkline sparkline;
  // Counts what is not told by appending alone: curves cut or thinned, or a new start.
  std::int64_t rewrites = 0;

 private:
  void apply_start(const RecordFields& record);
  void apply_metrics(const RecordFields& record);
  void apply_worker(const RecordFields& record);
  void apply_epoch(const RecordFields& record);
  void apply_sync(const RecordFields& record);
  void apply_evaluation(const RecordFields& record);
  void apply_end(const RecordFields& record);
  void say(const RecordFields& record, Level level, std::string text);

  // At the beginning of what this process trains, for the time that is left.
  friend std::int64_t eta_seconds(const Run& run);
  double first_progress_ = -1;
  std::int64_t first_progress_ms_ = 0;
  std::int64_t longest_pause_ms_ = 0;
  double record_interval_ = 1;
};

// Below 0 where it is not known.
std::int64_t eta_seconds(const Run& run);

}  // namespace miniray::dashboard
