#include "gan/records.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/error.h"

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

RecordWriter::RecordWriter(const std::filesystem::path& path)
    : path_(path), fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (fd_ < 0) throw io_error("cannot write '" + path.string() + "'", errno);
}

RecordWriter::~RecordWriter() { close(fd_); }

void RecordWriter::write(const Record& record) {
  const std::string line = record.line();
  const ssize_t written = ::write(fd_, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    throw io_error("cannot write '" + path_.string() + "'", written < 0 ? errno : ENOSPC);
  }
}

}  // namespace miniray
