#include "tools/dashboard/run_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

namespace miniray::dashboard {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNews = 500;  // of each kind in one message
constexpr std::int64_t kEnd = std::int64_t{1} << 53;

const char* name_of(State state) {
  switch (state) {
    case State::kRunning:
      return "running";
    case State::kFinished:
      return "finished";
    case State::kInterrupted:
      return "interrupted";
    case State::kFailed:
      return "failed";
    case State::kStopped:
      return "stopped";
  }
  return "";
}

const char* name_of(Level level) {
  return level == Level::kInfo ? "info" : level == Level::kWarning ? "warning" : "error";
}

json number_or_null(double value, bool known) { return known ? json(value) : json(); }

std::string url_of(const Run& run, const std::string& path) {
  std::string url = "/api/runs/" + run.id + "/files/";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '-' || c == '_';
    if (plain) {
      url += c;
      continue;
    }
    constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    url += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return url;
}

json sheet_json(const Run& run, const Sheet& sheet) {
  return {{"epoch", sheet.epoch}, {"step", sheet.step}, {"url", url_of(run, sheet.path)}};
}

json checkpoint_json(const Checkpoint& checkpoint) {
  return {{"epoch", checkpoint.epoch}, {"step", checkpoint.step}, {"path", checkpoint.path}};
}

json evaluation_json(const Evaluation& evaluation) {
  json values = json::object();
  for (const auto& [name, value] : evaluation.values) values[name] = value;
  return {{"epoch", evaluation.epoch}, {"step", evaluation.step}, {"values", std::move(values)}};
}

json line_json(const LogLine& line) {
  return {{"n", line.number},
          {"time", line.time_ms},
          {"level", name_of(line.level)},
          {"text", line.text}};
}

json sync_json(const Series& syncs, std::size_t row) {
  return {{"step", syncs.step(row)},
          {"ms", syncs.value(row, Run::kSyncMs)},
          {"bytes", syncs.value(row, Run::kSyncBytes)},
          {"divergence", syncs.value(row, Run::kSyncDivergence)}};
}

json worker_json(int rank, const Worker& worker, State state, bool silent) {
  const char* name = "done";
  if (worker.lost) {
    name = "lost";
  } else if (state == State::kRunning || state == State::kStopped) {
    name = silent || state == State::kStopped ? "silent" : "training";
  }
  const Series& series = worker.series;
  const std::size_t last = series.rows() - 1;
  return {{"rank", rank},
          {"host", worker.host},
          {"pid", worker.pid},
          {"state", name},
          {"heartbeat", worker.heartbeat_ms},
          {"step", worker.step},
          {"epoch", worker.epoch},
          {"shard", worker.shard},
          {"images_per_second", series.value(last, Worker::kImagesPerSecond)},
          {"d_loss", series.value(last, Worker::kDLoss)},
          {"g_loss", series.value(last, Worker::kGLoss)}};
}

template <class T>
json list(const Newest<T>& newest, std::size_t since, const std::function<json(const T&)>& render) {
  json all = json::array();
  const std::size_t fresh =
      std::min(newest.total() - std::min(since, newest.total()), newest.values().size());
  const auto begin = newest.values().end() - static_cast<std::ptrdiff_t>(fresh);
  for (auto entry = begin; entry != newest.values().end(); ++entry) all.push_back(render(*entry));
  return all;
}

void append_number(std::string& text, double value) {
  if (!std::isfinite(value)) {
    text += "null";
    return;
  }
  char digits[40];
  // As a float: the shortest text that reads back as the same one.
  const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<float>(value)).ptr;
  text.append(digits, end);
}

// "name":[value, ..]
template <class Value>
void append_array(std::string& text, const char* name, const std::vector<std::size_t>& rows,
                  const Value& append_value) {
  text += std::string(text.back() == '{' ? "" : ",") + "\"" + name + "\":[";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) text += ',';
    append_value(rows[i]);
  }
  text += ']';
}

void append_columns(std::string& text, const Series& series, const char* const* names,
                    const std::vector<std::size_t>& rows) {
  for (std::size_t column = 0; column < series.columns(); ++column) {
    const bool any = std::ranges::any_of(
        rows, [&](std::size_t row) { return !std::isnan(series.value(row, column)); });
    if (!any) continue;
    append_array(text, names[column], rows,
                 [&](std::size_t row) { append_number(text, series.value(row, column)); });
  }
}

void append_steps(std::string& text, const Series& series, const std::vector<std::size_t>& rows) {
  append_array(text, "step", rows,
               [&](std::size_t row) { text += std::to_string(series.step(row)); });
}

std::vector<std::size_t> rows_after(const Series& series, std::int64_t step) {
  return series.select(kMaxNews, step + 1, kEnd);
}

json row_json(const Series& series, std::size_t row, const char* const* names) {
  json object = {{"step", series.step(row)}, {"time", series.time_ms(row)}};
  for (std::size_t column = 0; column < series.columns(); ++column) {
    const float value = series.value(row, column);
    if (!std::isnan(value)) object[names[column]] = value;
  }
  return object;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

std::string dump(const json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

json summary(const Run& run, State state) {
  const double progress = run.progress();
  const std::int64_t eta = state == State::kRunning ? eta_seconds(run) : -1;
  return {{"id", run.id},
          {"state", name_of(state)},
          {"started", number_or_null(static_cast<double>(run.started_ms), run.started_ms > 0)},
          {"updated", number_or_null(static_cast<double>(run.updated_ms), run.updated_ms > 0)},
          {"epoch", run.epoch},
          {"epochs", run.epochs},
          {"step", run.step},
          {"progress", number_or_null(progress, progress >= 0)},
          {"eta_seconds", number_or_null(static_cast<double>(eta), eta >= 0)},
          {"images_per_second", number_or_null(run.images_per_second, run.has_metrics)},
          {"d_loss", number_or_null(run.d_loss, run.has_metrics)},
          {"g_loss", number_or_null(run.g_loss, run.has_metrics)},
          {"world", run.world},
          {"dataset", run.dataset},
          {"model", run.model},
          {"host", run.host},
          {"version", run.version},
          {"sparkline", run.sparkline.points()},
          {"warnings", run.warnings},
          {"corrupt_lines", run.corrupt_lines},
          {"newer_version", run.newer_version}};
}

json workers_json(const Run& run, State state, std::int64_t now_ms) {
  json all = json::array();
  for (const auto& [rank, worker] : run.workers) {
    const bool silent = now_ms - worker.heartbeat_ms > run.patience_ms();
    all.push_back(worker_json(rank, worker, state, silent));
  }
  return all;
}

json detail(const Run& run, State state, std::int64_t now_ms) {
  return {{"run", summary(run, state)},
          {"config", json::parse(run.config, nullptr, false)},
          {"started_record", json::parse(run.started_record, nullptr, false)},
          {"workers", workers_json(run, state, now_ms)},
          {"samples", list<Sheet>(run.samples, 0, [&](auto& s) { return sheet_json(run, s); })},
          {"checkpoints", list<Checkpoint>(run.checkpoints, 0, checkpoint_json)},
          {"evaluations", list<Evaluation>(run.evaluations, 0, evaluation_json)},
          {"end_message", run.end_message.empty() ? json() : json(run.end_message)}};
}

std::string series_json(const Run& run, const SeriesQuery& query) {
  const Series& series = run.series;
  const auto rows = series.select(query.points, query.from, query.to);
  std::string text = "{";
  append_steps(text, series, rows);
  append_array(text, "time", rows,
               [&](std::size_t row) { text += std::to_string(series.time_ms(row)); });
  text += ",\"columns\":{";
  append_columns(text, series, Run::kColumnNames, rows);
  json syncs = json::array();
  for (const std::size_t row : run.syncs.select(query.points, query.from, query.to)) {
    syncs.push_back(sync_json(run.syncs, row));
  }
  text += "},\"syncs\":" + dump(syncs);
  if (query.workers) {
    text += ",\"workers\":{";
    for (const auto& [rank, worker] : run.workers) {
      text += std::string(text.back() == '{' ? "" : ",") + "\"" + std::to_string(rank) + "\":{";
      const auto own = worker.series.select(query.points, query.from, query.to);
      append_steps(text, worker.series, own);
      append_columns(text, worker.series, Run::kWorkerColumnNames, own);
      text += '}';
    }
    text += '}';
  }
  return text + "}";
}

json log_json(const Run& run, const LogQuery& query) {
  json lines = json::array();
  const std::string wanted = lower(query.text);
  const auto& log = run.log.values();
  for (auto line = log.rbegin(); line != log.rend() && lines.size() < query.limit; ++line) {
    if (line->number >= query.before) continue;
    if (!wanted.empty() && lower(line->text).find(wanted) == std::string::npos) continue;
    lines.push_back(line_json(*line));
  }
  return {{"lines", std::move(lines)}, {"total", run.log.total()}};
}

Mark mark(const Run& run) {
  const auto last_step = [](const Series& series) {
    return series.rows() > 0 ? series.step(series.rows() - 1) : -1;
  };
  Mark mark{.step = last_step(run.series),
            .sync_step = last_step(run.syncs),
            .rewrites = run.rewrites,
            .worker_steps = {},
            .samples = run.samples.total(),
            .checkpoints = run.checkpoints.total(),
            .evaluations = run.evaluations.total(),
            .log = run.log.total()};
  for (const auto& [rank, worker] : run.workers) mark.worker_steps[rank] = worker.step;
  return mark;
}

json news(const Run& run, State state, std::int64_t now_ms, const Mark& since) {
  json rows = json::array(), syncs = json::array(), worker_rows = json::array();
  for (const std::size_t row : rows_after(run.series, since.step)) {
    rows.push_back(row_json(run.series, row, Run::kColumnNames));
  }
  for (const std::size_t row : rows_after(run.syncs, since.sync_step)) {
    syncs.push_back(sync_json(run.syncs, row));
  }
  for (const auto& [rank, worker] : run.workers) {
    const auto known = since.worker_steps.find(rank);
    const std::int64_t step = known == since.worker_steps.end() ? -1 : known->second;
    for (const std::size_t row : rows_after(worker.series, step)) {
      worker_rows.push_back(row_json(worker.series, row, Run::kWorkerColumnNames));
      worker_rows.back()["rank"] = rank;
    }
  }
  const std::size_t new_lines = run.log.total() - std::min(since.log, run.log.total());
  return {
      {"id", run.id},
      {"rows", std::move(rows)},
      {"workers", workers_json(run, state, now_ms)},
      {"worker_rows", std::move(worker_rows)},
      {"syncs", std::move(syncs)},
      {"samples",
       list<Sheet>(run.samples, since.samples, [&](auto& s) { return sheet_json(run, s); })},
      {"checkpoints", list<Checkpoint>(run.checkpoints, since.checkpoints, checkpoint_json)},
      {"evaluations", list<Evaluation>(run.evaluations, since.evaluations, evaluation_json)},
      {"log", list<LogLine>(run.log, run.log.total() - std::min(new_lines, kMaxNews), line_json)},
      {"reload", run.rewrites != since.rewrites || new_lines > kMaxNews}};
}

}  // namespace miniray::dashboard
