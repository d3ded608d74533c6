// Whatever records and requests come, the dashboard goes on. MINIRAY_FUZZ_SECONDS says for how long
// each test tries (default: one).
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/http_client.h"
#include "support/mutator.h"
#include "support/temp_dir.h"
#include "tools/dashboard/api.h"
#include "tools/dashboard/server.h"

namespace miniray::dashboard {
namespace {

using namespace std::chrono_literals;
using testing::HttpClient;

const char* const kRecords =
    R"({"v":1,"time":"2026-01-31T14:25:00.123Z","type":"run_started","config":{"epochs":4,"model":"mlp"},"world":2,"host":"h","pid":7}
{"v":1,"time":"2026-01-31T14:25:01.123Z","type":"metrics","step":10,"epoch":1,"epochs":4,"steps_in_epoch":20,"step_in_epoch":10,"d_loss":1.3,"g_loss":0.7}
{"v":1,"time":"2026-01-31T14:25:01.125Z","type":"worker","rank":1,"host":"h","pid":7,"step":10,"epoch":1,"shard":100,"d_loss":1.3}
{"v":1,"time":"2026-01-31T14:25:02.123Z","type":"epoch","epoch":1,"epochs":4,"step":20,"d_loss":1.25,"seconds":1.5}
{"v":1,"time":"2026-01-31T14:25:02.223Z","type":"sync","epoch":1,"step":20,"bytes":100,"ms":2.5,"divergence":1e-4}
{"v":1,"time":"2026-01-31T14:25:02.323Z","type":"samples","epoch":1,"step":20,"path":"samples/epoch_00001.png"}
{"v":1,"time":"2026-01-31T14:25:02.423Z","type":"evaluation","epoch":1,"step":20,"fid-builtin":12.5}
{"v":1,"time":"2026-01-31T14:25:02.523Z","type":"worker_lost","rank":1,"message":"gone"}
{"v":1,"time":"2026-01-31T14:25:02.623Z","type":"run_ended","how":"failed","message":"why"}
)";

bool time_left(std::chrono::steady_clock::time_point start) {
  const char* const seconds = std::getenv("MINIRAY_FUZZ_SECONDS");
  return std::chrono::steady_clock::now() - start <
         std::chrono::seconds(seconds == nullptr ? 1 : std::atoi(seconds));
}

TEST(FuzzDashboard, Records) {
  testing::Mutator mutator;
  const testing::TempDir dir;
  std::filesystem::create_directory(dir.path() / "a");
  const auto start = std::chrono::steady_clock::now();
  std::int64_t corrupt = 0;
  while (time_left(start)) {
    std::ofstream(dir.path() / "a" / "events.jsonl") << mutator.mutate(kRecords);
    RunStore store(dir.path());
    store.poll({"a"}, 0);
    const auto text = store.run("a", 0);
    ASSERT_TRUE(text);
    const auto run = nlohmann::json::parse(*text);
    corrupt += run["run"]["corrupt_lines"].get<std::int64_t>();
    ASSERT_TRUE(nlohmann::json::accept(store.series("a", {.points = 3, .workers = true}).value()));
    ASSERT_TRUE(nlohmann::json::accept(store.log("a", {}).value()));
    ASSERT_TRUE(nlohmann::json::accept(store.runs(0)));
  }
  EXPECT_GT(corrupt, 0);  // the changes reached the reader
}

TEST(FuzzDashboard, Requests) {
  const testing::TempDir dir;
  std::filesystem::create_directories(dir.path() / "runs" / "a" / "samples");
  std::ofstream(dir.path() / "runs" / "a" / "events.jsonl") << kRecords;
  std::ofstream(dir.path() / "secret.png") << "what nobody may read";
  const Server server({.runs_dir = dir.path() / "runs", .port = 0});
  const int port = testing::port_of(server.link());
  const std::string requests[] = {
      "GET /api/runs/a/series?points=100&from=1&to=9&workers=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /api/runs/a/files/samples/../../../secret.png HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /api/runs/a/log?q=%41b+c&limit=7&before=3 HTTP/1.1\r\nHost: [::1]:80\r\nCookie: a=b; "
      "c\r\nOrigin: http://localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
      "GET /api/events?runs=a,b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"};
  testing::Mutator mutator;
  const auto start = std::chrono::steady_clock::now();
  int answered = 0;
  for (std::size_t i = 0; time_left(start); ++i) {
    HttpClient client(port);
    ASSERT_TRUE(client.connected());
    client.send(mutator.mutate(requests[i % std::size(requests)]));
    client.end_sending();
    const std::string response = client.receive_until("\r\n\r\n", 500ms);
    answered += testing::status_of(response) != 0;
    ASSERT_EQ(response.find("nobody may read"), std::string::npos);
  }
  EXPECT_GT(answered, 0);
  HttpClient last(port);
  last.send("GET /api/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(testing::status_of(last.receive_all(5s)), 200);
}

}  // namespace
}  // namespace miniray::dashboard
