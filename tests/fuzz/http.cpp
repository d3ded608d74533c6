// Requests to a dashboard's server, through a socket.
#include <optional>

#include "fuzz/target.h"
#include "support/http_client.h"
#include "tools/dashboard/server.h"

namespace miniray::fuzz {
namespace {

using namespace std::chrono_literals;

const char* const kRecord =
    R"({"v":1,"time":"2026-01-31T14:25:01.123Z","type":"metrics","step":10,"epoch":1,"epochs":4,"steps_in_epoch":20,"step_in_epoch":10,"d_loss":1.3,"g_loss":0.7}
)";
const char* const kSecret = "what nobody may read";

// A folder of one run, a file beside it, and who shows the one and not the other.
class Fixture {
 public:
  Fixture() {
    std::filesystem::create_directories(runs_ / "a" / "samples");
    write_file(runs_ / "a" / "events.jsonl", std::string(kRecord));
    write_file(runs_ / "a" / "samples" / "b.png", std::string("a picture"));
    write_file(dir_.path() / "secret.png", std::string(kSecret));
    server_.emplace(dashboard::ServerOptions{.runs_dir = runs_, .port = 0});
    port_ = testing::port_of(server_->link());
  }
  int port() const { return port_; }

 private:
  testing::TempDir dir_;
  std::filesystem::path runs_ = dir_.path() / "runs";
  std::optional<dashboard::Server> server_;
  int port_ = 0;
};

}  // namespace

void parse(std::string_view bytes) {
  static const Fixture fixture;
  testing::HttpClient client(fixture.port());
  require(client.connected(), "the server takes connections");
  client.send(bytes);
  client.end_sending();
  const std::string response = client.receive_all(5s);
  require(client.ended(), "a connection ends when its client has said all");
  require(response.empty() || testing::status_of(response) != 0, "an answer is one of HTTP/1.1");
  require(response.find(kSecret) == std::string::npos, "nothing beside the runs is shown");
}

std::vector<std::string> seeds() {
  const std::string host = " HTTP/1.1\r\nHost: localhost\r\n";
  return {
      "GET /api/runs/a/series?points=100&from=1&to=9&workers=1" + host + "\r\n",
      "GET /api/runs/a/files/samples/../../../secret.png" + host + "\r\n",
      "GET /api/runs/a/files/samples/b.png" + host + "\r\nGET /" + host + "\r\n",
      "GET /api/runs/a/log?q=%41b+c&limit=7&before=3 HTTP/1.1\r\nHost: [::1]:80\r\nCookie: a=b; "
      "c\r\nOrigin: http://localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
      "GET /api/events?runs=a,b" + host + "\r\n"};
}

}  // namespace miniray::fuzz
