// The dashboard over HTTP/1.1: the page, the API (api.h) and its events, on threads of its own.
//
// GET /api/events is a stream of Server-Sent Events, pushed at most four times a second:
//   hello    {"server_started", "version"}: once
//   runs     {"runs": [those that changed or are new], "removed": [ids]}
//   append   of the runs asked for, what is new: see news() in run_json.h
// and a comment every ten seconds. Clients that are slow are dropped: those that take more than ten
// seconds for a request or a message, and streams that lag behind by megabytes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace miniray::dashboard {

struct ServerOptions {
  std::filesystem::path runs_dir = "runs";
  std::string host = "127.0.0.1";  // others than loopback get a token
  int port = 8266;                 // 0: a free one
};

class Server {
 public:
  // Serves from now on. Throws invalid argument where the host or port cannot be had, naming who
  // has the port.
  explicit Server(const ServerOptions& options);
  ~Server();

  // Where to look, with the token where one is needed.
  std::string link() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace miniray::dashboard
