// What the connections of a server share, and the messages to those that stream events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "tools/dashboard/guard.h"
#include "tools/dashboard/run_store.h"

namespace miniray::dashboard {

using Message = std::shared_ptr<const std::string>;

Message make_message(std::string text);
// A Server-Sent Event.
std::string event(const std::string& name, const std::string& data);
std::int64_t now_ms();

class Session;

// Used on the server's thread alone, except where said.
struct Hub {
  explicit Hub(const std::filesystem::path& runs_dir) : store(runs_dir) {}

  void update_watched();
  void publish(const RunStore::Changes& changes);
  void send_to_all(const Message& message);

  RunStore store;
  Guard guard;
  std::int64_t started_ms = now_ms();
  std::size_t connections = 0;
  std::set<std::shared_ptr<Session>> streams;
  std::mutex watched_mutex;  // guards watched, which the polling thread reads
  std::set<std::string> watched;
};

}  // namespace miniray::dashboard
