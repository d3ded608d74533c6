#include "tools/dashboard/api.h"

#include <algorithm>
#include <charconv>

#include "engine/error.h"
#include "tools/dashboard/page_files.h"
#include "tools/dashboard/run_files.h"

namespace miniray::dashboard {
namespace {

constexpr std::size_t kMaxWatched = 16;

std::string with_charset(const std::string& type) { return type + "; charset=utf-8"; }

// By a file's ending; empty for those that are not shown.
std::string type_of(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  const std::string ending = dot == name.npos ? "" : name.substr(dot + 1);
  if (ending == "png") return "image/png";
  if (ending == "gif") return "image/gif";
  if (ending == "toml" || ending == "txt") return with_charset("text/plain");
  if (ending == "html") return with_charset("text/html");
  if (ending == "css") return with_charset("text/css");
  if (ending == "js") return with_charset("text/javascript");
  if (ending == "svg") return "image/svg+xml";
  return "";
}

// A number of the query, drawn into its range.
std::int64_t number(const RequestTarget& target, const std::string& name, std::int64_t fallback,
                    std::int64_t low, std::int64_t high) {
  const auto field = target.query.find(name);
  if (field == target.query.end()) return fallback;
  const std::string& text = field->second;
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || !(value == value)) {
    throw invalid_argument(name + " must be a number, not '" + text + "'");
  }
  return static_cast<std::int64_t>(
      std::clamp(value, static_cast<double>(low), static_cast<double>(high)));
}

Response json_or_404(std::optional<std::string> text, const std::string& id) {
  if (!text) return error_response(404, "there is no run '" + id + "'");
  return {.body = std::move(*text)};
}

SeriesQuery series_query(const RequestTarget& target) {
  SeriesQuery query;
  query.points = static_cast<std::size_t>(number(target, "points", 1000, 1, 20'000));
  query.from = number(target, "from", query.from, 0, query.to);
  query.to = number(target, "to", query.to, 0, query.to);
  query.workers = number(target, "workers", 0, 0, 1) == 1;
  return query;
}

LogQuery log_query(const RequestTarget& target) {
  LogQuery query;
  query.before = number(target, "before", query.before, 0, query.before);
  query.limit = static_cast<std::size_t>(number(target, "limit", 200, 1, 2000));
  if (const auto field = target.query.find("q"); field != target.query.end()) {
    query.text = field->second;
  }
  return query;
}

Response run_file(const RunStore& store, const std::vector<std::string>& path) {
  const std::string type = type_of(path.back());
  const bool shown = type == "image/png" || type == "image/gif" || type.starts_with("text/plain");
  if (!shown) return error_response(404, "only pictures, .toml and .txt are shown");
  std::vector<std::string> parts{path[2]};
  parts.insert(parts.end(), path.begin() + 4, path.end());
  return {.type = type,
          .body = read_run_file(store.runs_dir(), parts),
          .may_be_kept = type.starts_with("image/")};
}

Response respond_api(const RunStore& store, const RequestTarget& target, std::int64_t now_ms) {
  const auto& path = target.path;
  if (path.size() < 2 || path[1] != "runs") return error_response(404, "there is no such address");
  if (path.size() == 2) return {.body = store.runs(now_ms)};
  const std::string& id = path[2];
  if (path.size() == 3) return json_or_404(store.run(id, now_ms), id);
  if (path.size() == 4 && path[3] == "series") {
    return json_or_404(store.series(id, series_query(target)), id);
  }
  if (path.size() == 4 && path[3] == "log") {
    return json_or_404(store.log(id, log_query(target)), id);
  }
  if (path.size() > 4 && path[3] == "files") return run_file(store, path);
  return error_response(404, "there is no such address");
}

Response respond_page(const RequestTarget& target) {
  const std::string name = target.path.empty() ? "index.html" : target.path.front();
  const auto body = target.path.size() > 1 ? std::nullopt : page_file(name);
  if (!body) return error_response(404, "there is no such page");
  return {.type = type_of(name), .body = std::string(*body)};
}

unsigned status_of(ErrorKind kind) {
  if (kind == ErrorKind::kInvalidArgument) return 400;
  if (kind == ErrorKind::kNotFound) return 404;
  return kind == ErrorKind::kCorrupt ? 413 : 500;
}

}  // namespace

Response error_response(unsigned status, const std::string& message) {
  return {.status = status, .body = dump({{"error", message}})};
}

Response respond(const RunStore& store, const RequestTarget& target, std::int64_t now_ms) {
  try {
    const bool api = !target.path.empty() && target.path.front() == "api";
    return api ? respond_api(store, target, now_ms) : respond_page(target);
  } catch (const Error& error) {
    return error_response(status_of(error.kind()), error.what());
  }
}

bool is_event_stream(const RequestTarget& target) {
  return target.path.size() == 2 && target.path[0] == "api" && target.path[1] == "events";
}

std::set<std::string> watched_runs(const RequestTarget& target) {
  std::set<std::string> runs;
  const auto field = target.query.find("runs");
  if (field == target.query.end()) return runs;
  std::string_view text = field->second;
  while (!text.empty() && runs.size() < kMaxWatched) {
    const std::size_t end = text.find(',');
    if (end != 0) runs.emplace(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return runs;
}

}  // namespace miniray::dashboard
