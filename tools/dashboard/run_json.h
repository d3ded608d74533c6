// A run as the page's JSON. See README.md of this folder for the API.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/dashboard/run.h"

namespace miniray::dashboard {

enum class State { kRunning, kFinished, kInterrupted, kFailed, kStopped };

// Text that is no UTF-8 (of a file's name) is made so.
std::string dump(const nlohmann::json& json);

nlohmann::json summary(const Run& run, State state);
nlohmann::json detail(const Run& run, State state, std::int64_t now_ms);
nlohmann::json workers_json(const Run& run, State state, std::int64_t now_ms);

struct SeriesQuery {
  std::size_t points = 1000;
  std::int64_t from = 0, to = std::int64_t{1} << 53;
  bool workers = false;
};
// As text: there are many numbers.
std::string series_json(const Run& run, const SeriesQuery& query);

struct LogQuery {
  std::int64_t before = std::int64_t{1} << 53;  // numbers below this one
  std::size_t limit = 200;
  std::string text{};  // that a line holds, small or large letters; empty: any
};
// The newest first.
nlohmann::json log_json(const Run& run, const LogQuery& query);

// How far a reader of a run has come.
struct Mark {
  std::int64_t step = -1, sync_step = -1, rewrites = 0;
  std::map<int, std::int64_t> worker_steps;
  std::size_t samples = 0, checkpoints = 0, evaluations = 0, log = 0;
};
Mark mark(const Run& run);
// What came after the mark; null where nothing did.
nlohmann::json news(const Run& run, State state, std::int64_t now_ms, const Mark& since);

}  // namespace miniray::dashboard
