// All runs of a folder, as their records tell, kept up to date.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "tools/dashboard/line_reader.h"
#include "tools/dashboard/run.h"
#include "tools/dashboard/run_json.h"

namespace miniray::dashboard {

// One thread polls; any may ask.
class RunStore {
 public:
  static constexpr std::chrono::milliseconds kPollTime{200};

  explicit RunStore(std::filesystem::path runs_dir);

  // What changed in one poll, as JSON ready to be sent.
  struct Changes {
    std::string runs;                             // {"runs":[..],"removed":[..]}; empty: none
    std::map<std::string, std::string> appended;  // by run: see news()
    bool more = false;                            // there is more to be read at once
  };
  // Looks for new runs and reads what was added, for about kPollTime. Appended are told of the runs
  // that are watched. Keeps no other caller waiting for long.
  Changes poll(const std::set<std::string>& watched, std::int64_t now_ms);

  // JSON. nullopt: there is no such run.
  std::string runs(std::int64_t now_ms) const;
  std::optional<std::string> run(const std::string& id, std::int64_t now_ms) const;
  std::optional<std::string> series(const std::string& id, const SeriesQuery& query) const;
  std::optional<std::string> log(const std::string& id, const LogQuery& query) const;

  const std::filesystem::path& runs_dir() const { return runs_dir_; }

 private:
  struct Entry {
    Entry(const std::filesystem::path& folder, const std::string& id)
        : run(id), reader(folder / "events.jsonl") {}
    Run run;
    LineReader reader;  // used by the polling thread alone
    std::int64_t modified_ms = 0;
    State told = State::kRunning;
  };

  using Clock = std::chrono::steady_clock;

  // anyway: also where the folder seems to be as it was.
  void find_runs(bool anyway, std::vector<std::string>& removed);
  // True where something was read.
  bool read(Entry& entry, Clock::time_point deadline, Changes& changes);
  void apply(Entry& entry, const LineReader::Chunk& chunk);
  void bound_memory();
  State state_of(const Entry& entry, std::int64_t now_ms) const;

  const std::filesystem::path runs_dir_;
  const std::string host_;
  std::uint64_t polls_ = 0;
  std::filesystem::file_time_type folder_time_{};
  bool exists_ = false;
  simdjson::dom::parser parser_;  // of the polling thread, as is the buffer
  std::string buffer_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, std::unique_ptr<Entry>> entries_;
};

}  // namespace miniray::dashboard
