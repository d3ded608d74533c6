// The records of a run: runs/<job-id>/events.jsonl, one JSON object a line, appended only.
//
// Every record has "v" (the schema's version, 1), "time" (UTC, ISO 8601 with milliseconds) and
// "type". Readers ignore fields that they do not know, and a last line without its end.
//
//   type          further fields
//   run_started   job_id, config (object), dataset, images, world, version, host, pid, cpu, simd,
//                 threads, parameters (of G and D together)
//   epoch         epoch (from 1), epochs, step, d_loss, g_loss, d_real, d_fake (means over the
//                 epoch), seconds, images_per_second, resident_bytes
//   worker_epoch  epoch, rank, d_loss, g_loss, d_real, d_fake: each worker's own
//   sync          epoch, bytes (of each worker, as they travel), ms, divergence (see SyncReport)
//   samples       epoch, path (relative to the run's folder)
//   models_saved  path (as given)
//   warning       message
//   run_ended     how ("finished", "interrupted", "failed"), message (of a failure)
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

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

// Appends to a file. One writer a file; the line of a record is written by one call.
class RecordWriter {
 public:
  // Throws io, naming the path.
  explicit RecordWriter(const std::filesystem::path& path);
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // Throws io, naming the path.
  void write(const Record& record);

 private:
  std::filesystem::path path_;
  int fd_;
};

}  // namespace miniray
