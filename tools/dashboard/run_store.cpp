#include "tools/dashboard/run_store.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "engine/cpu.h"
#include "engine/error.h"
#include "gan/job_id.h"

namespace miniray::dashboard {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxRuns = 20'000;
constexpr std::size_t kMaxRows = 1'500'000;  // of all runs, some 60 bytes each
constexpr std::uint64_t kRareLook = 8;       // polls
constexpr std::int64_t kIdleMs = 60'000;
constexpr std::size_t kLinesAtOnce = 1'000;  // while others wait

bool is_job_id(const std::string& name) {
  try {
    check_job_id(name);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Of this machine.
bool is_alive(std::int64_t pid) { return kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH; }

}  // namespace

RunStore::RunStore(fs::path runs_dir) : runs_dir_(std::move(runs_dir)), host_(host_name()) {}

RunStore::Changes RunStore::poll(const std::set<std::string>& watched, std::int64_t now_ms) {
  Changes changes;
  std::vector<std::string> removed;
  // Runs that ended long ago are looked at now and then.
  const bool all = polls_++ % kRareLook == 0;
  find_runs(all, removed);
  const auto deadline = Clock::now() + kPollTime;
  json changed = json::array();
  for (auto& [id, entry] : entries_) {
    const bool idle = entry->told != State::kRunning && now_ms - entry->modified_ms > kIdleMs;
    if (idle && entry->modified_ms != 0 && !all) continue;
    const Mark before = watched.contains(id) ? mark(entry->run) : Mark{};
    const bool is_new = entry->modified_ms == 0;
    const bool news_came = read(*entry, deadline, changes);
    const std::lock_guard lock(mutex_);
    const State state = state_of(*entry, now_ms);
    if (!news_came && !is_new && state == entry->told) continue;
    entry->told = state;
    changed.push_back(summary(entry->run, state));
    if (watched.contains(id)) {
      changes.appended[id] = dump(news(entry->run, state, now_ms, before));
    }
  }
  bound_memory();
  if (!changed.empty() || !removed.empty()) {
    changes.runs = dump({{"runs", std::move(changed)}, {"removed", removed}});
  }
  return changes;
}

void RunStore::find_runs(bool anyway, std::vector<std::string>& removed) {
  std::error_code error;
  const auto folder_time = fs::last_write_time(runs_dir_, error);
  if (!anyway && !error && exists_ && folder_time == folder_time_) return;
  folder_time_ = folder_time;
  error.clear();
  std::set<std::string> found;
  fs::directory_iterator folder(runs_dir_, error);
  const bool exists = !error;
  for (; !error && folder != fs::directory_iterator(); folder.increment(error)) {
    const std::string id = folder->path().filename().string();
    std::error_code ignored;
    // A link may lead anywhere.
    if (!is_job_id(id) || !folder->is_directory(ignored) || folder->is_symlink(ignored)) continue;
    if (found.size() < kMaxRuns) found.insert(id);
  }
  const std::lock_guard lock(mutex_);
  exists_ = exists;
  std::erase_if(entries_, [&](const auto& entry) {
    if (found.contains(entry.first)) return false;
    removed.push_back(entry.first);
    return true;
  });
  for (const std::string& id : found) {
    if (!entries_.contains(id)) entries_[id] = std::make_unique<Entry>(runs_dir_ / id, id);
  }
}

bool RunStore::read(Entry& entry, Clock::time_point deadline, Changes& changes) {
  bool any = false, more = true;
  while (more) {
    const LineReader::Chunk chunk = entry.reader.read(buffer_);
    apply(entry, chunk);
    any |= chunk.restarted || !chunk.lines.empty() || chunk.too_long > 0;
    more = chunk.more && Clock::now() < deadline;
    changes.more |= chunk.more && !more;
  }
  const std::int64_t modified_ms = entry.reader.modified_ms();
  any |= modified_ms != entry.modified_ms;
  entry.modified_ms = modified_ms;
  return any;
}

void RunStore::apply(Entry& entry, const LineReader::Chunk& chunk) {
  if (chunk.restarted) {
    const std::lock_guard lock(mutex_);
    const std::int64_t rewrites = entry.run.rewrites;
    entry.run = Run(entry.run.id);
    entry.run.rewrites = rewrites + 1;
  }
  for (std::size_t begin = 0; begin < chunk.lines.size(); begin += kLinesAtOnce) {
    if (begin > 0) std::this_thread::yield();
    const std::lock_guard lock(mutex_);
    const std::size_t end = std::min(chunk.lines.size(), begin + kLinesAtOnce);
    for (std::size_t i = begin; i < end; ++i) {
      simdjson::dom::object object;
      const std::string_view line = chunk.lines[i];
      if (parser_.parse(line.data(), line.size(), false).get(object) == simdjson::SUCCESS) {
        entry.run.apply(RecordFields(object));
      } else {
        entry.run.add_corrupt_lines(1);
      }
    }
  }
  const std::lock_guard lock(mutex_);
  entry.run.add_corrupt_lines(chunk.too_long);
}

void RunStore::bound_memory() {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [id, entry] : entries_) sum += entry->run.rows();
  while (sum > kMaxRows) {
    const auto most = std::ranges::max_element(
        entries_, {}, [](const auto& entry) { return entry.second->run.rows(); });
    Run& run = most->second->run;
    const std::size_t before = run.rows();
    if (!run.shrink()) return;
    sum -= before - run.rows();
  }
}

State RunStore::state_of(const Entry& entry, std::int64_t now_ms) const {
  const Run& run = entry.run;
  switch (run.ending) {
    case Ending::kFinished:
      return State::kFinished;
    case Ending::kInterrupted:
      return State::kInterrupted;
    case Ending::kFailed:
      return State::kFailed;
    case Ending::kNone:
      break;
  }
  // By the file's time, which is this machine's clock, or its file server's.
  const std::int64_t pause = now_ms - entry.modified_ms;
  constexpr std::int64_t kMomentMs = 3'000;
  const bool dead = run.host == host_ && run.pid > 0 && !is_alive(run.pid);
  if (pause > run.patience_ms() || (dead && pause > kMomentMs)) return State::kStopped;
  return State::kRunning;
}

std::string RunStore::runs(std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  json all = json::array();
  for (const auto& [id, entry] : entries_) {
    all.push_back(summary(entry->run, state_of(*entry, now_ms)));
  }
  std::error_code ignored;
  return dump({{"runs", std::move(all)},
               {"runs_dir", fs::absolute(runs_dir_, ignored).string()},
               {"exists", exists_},
               {"server_time", now_ms}});
}

std::optional<std::string> RunStore::run(const std::string& id, std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return std::nullopt;
  return dump(detail(entry->second->run, state_of(*entry->second, now_ms), now_ms));
}

std::optional<std::string> RunStore::series(const std::string& id, const SeriesQuery& query) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return std::nullopt;
  return series_json(entry->second->run, query);
}

std::optional<std::string> RunStore::log(const std::string& id, const LogQuery& query) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return std::nullopt;
  return dump(log_json(entry->second->run, query));
}

}  // namespace miniray::dashboard
