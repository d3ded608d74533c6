// The records of a run: runs/<job-id>/events.jsonl, one JSON object a line, appended only.
//
// Every record has "v" (the schema's version, 1), "time" (UTC, ISO 8601 with milliseconds) and
// "type". Readers ignore fields that they do not know, and a last line without its end.
//
//   type          further fields
//   run_started   job_id, config (object), dataset, images, world, processes, version, host, pid,
//                 cpu, simd, threads, parameters (of G and D together)
//   metrics       step (of each worker, since training began), epoch, epochs, steps_in_epoch,
//                 step_in_epoch, d_loss, g_loss, d_real, d_fake (means of worker 0 since its last
//                 record), images_per_second (of all workers), resident_bytes, now and then
//                 d_gradient_norm and g_gradient_norm (of one step): at the first step, then every
//                 --record-interval seconds, or every 10,000th part of the time since the start
//                 where that is more (gan/step_meter.h)
//   worker        as often, each worker for itself: rank, host, pid, step, epoch, shard (its number
//                 of pictures), images_per_second, d_loss, g_loss (its own), state ("training")
//   epoch         epoch (from 1), epochs, step, d_loss, g_loss, d_real, d_fake (means over the
//                 epoch), seconds, images_per_second, resident_bytes
//   worker_epoch  epoch, rank, d_loss, g_loss, d_real, d_fake: each worker's own
//   sync          the last since the last record: epoch, step, bytes (of each worker, as they
//                 travel), ms, divergence (see SyncReport)
//   evaluation    epoch, step, fid-builtin, kid-builtin (by the names of the features' metrics): of
//                 the generator, where --eval-every asks for it
//   samples       epoch, step, path (relative to the run's folder)
//   checkpoint    epoch (in hand), step, path (relative to the run's folder), seconds (to write it)
//   resumed       epoch, step, path, seconds: the run goes on from that checkpoint, behind a
//                 run_started of its own; records of later steps that stand above are void
//   models_saved  path (as given)
//   warning       message
//   worker_lost   rank (of a process that fell silent: of its first worker), message
//   run_ended     how ("finished", "interrupted", "failed"), message (of a failure)
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/file.h"

namespace miniray {

// One record under construction.
class Record {
 public:
  explicit Record(std::string_view type);

  Record& add(std::string_view key, std::string_view text);
  Record& add(std::string_view key, const char* text) { return add(key, std::string_view(text)); }
  Record& add(std::string_view key, double value);  // null where it is not finite
  Record& add(std::string_view key, std::int64_t value);
  // An object whose values are texts.
  Record& add_object(std::string_view key, const Record& fields);
  // Fields without type and time, for add_object.
  static Record fields() { return Record(); }

  std::string line() const { return text_ + "}\n"; }

 private:
  Record() : text_("{") {}
  void key(std::string_view name);
  std::string text_;
};

// Appends to a file, which threads and processes may share: each record is one whole line (see
// AppendFile).
class RecordWriter {
 public:
  // Throws io, naming the path.
  explicit RecordWriter(const std::filesystem::path& path) : file_(path) {}

  // Throws io, naming the path.
  void write(const Record& record);

 private:
  AppendFile file_;
};

}  // namespace miniray
