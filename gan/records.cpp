#include "gan/records.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>

namespace miniray {
namespace {

std::string quoted(std::string_view text) {
  // Bytes that are no UTF-8 (a path may hold any) are replaced.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto since_epoch = now.time_since_epoch();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char date[24], text[40];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text, sizeof text, "%s.%03dZ", date, static_cast<int>(milliseconds));
  return text;
}

}  // namespace

Record::Record(std::string_view type) : Record() {
  add("v", std::int64_t{1}).add("time", utc_now()).add("type", type);
}

Record& Record::add(std::string_view name, std::string_view text) {
  key(name);
  text_ += quoted(text);
  return *this;
}

Record& Record::add(std::string_view name, double value) {
  key(name);
  char text[32] = "null";
  if (std::isfinite(value)) std::snprintf(text, sizeof text, "%.9g", value);
  text_ += text;
  return *this;
}

Record& Record::add(std::string_view name, std::int64_t value) {
  key(name);
  text_ += std::to_string(value);
  return *this;
}

Record& Record::add_object(std::string_view name, const Record& fields) {
  key(name);
  text_ += fields.text_ + "}";
  return *this;
}

void Record::key(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  text_ += quoted(name) + ":";
}

void RecordWriter::write(const Record& record) {
  const std::string line = record.line();
  file_.append(std::as_bytes(std::span(line)));
}

}  // namespace miniray
