// What the dashboard answers: a function of the request and of the runs, without any socket.
//
//   /                           the page; /NAME its files
//   /api/runs                   all runs
//   /api/runs/ID                one run: config, workers, sheets, checkpoints, evaluations
//   /api/runs/ID/series         ?points=N&from=STEP&to=STEP&workers=1   its curves
//   /api/runs/ID/log            ?before=N&limit=N&q=TEXT                its log
//   /api/runs/ID/files/PATH     a picture or a text of the run's folder
//   /api/events                 ?runs=ID,ID   Server-Sent Events (see server.h)
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "tools/dashboard/request_target.h"
#include "tools/dashboard/run_store.h"

namespace miniray::dashboard {

struct Response {
  unsigned status = 200;
  std::string type = "application/json";
  std::string body;
  bool may_be_kept = false;  // by the browser, for some minutes
};

// {"error": message}
Response error_response(unsigned status, const std::string& message);

// Of any GET but that of /api/events.
Response respond(const RunStore& store, const RequestTarget& target, std::int64_t now_ms);

bool is_event_stream(const RequestTarget& target);
// The runs that a stream of events asks for; at most 16.
std::set<std::string> watched_runs(const RequestTarget& target);

}  // namespace miniray::dashboard
