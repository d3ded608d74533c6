// The server from outside, over sockets.
#include "tools/dashboard/server.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "support/expect_error.h"
#include "support/http_client.h"
#include "support/temp_dir.h"

namespace miniray::dashboard {
namespace {

using namespace std::chrono_literals;
using testing::HttpClient;
using testing::status_of;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { record("{\"v\":1,\"type\":\"metrics\",\"step\":1,\"g_loss\":0.5}\n"); }

  void record(const std::string& text) {
    std::filesystem::create_directories(dir_.path() / "a");
    std::ofstream(dir_.path() / "a" / "events.jsonl", std::ios::app) << text;
  }
  std::string exchange(const std::string& request) {
    HttpClient client(port());
    client.send(request);
    return client.receive_all(5s);
  }
  std::string get(const std::string& target, const std::string& headers = "") {
    return exchange("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                    headers + "\r\n");
  }
  int port() const { return testing::port_of(server_.link()); }

  testing::TempDir dir_;
  Server server_{{.runs_dir = dir_.path(), .host = "127.0.0.1", .port = 0}};
};

TEST_F(ServerTest, AnswersWithItsPolicy) {
  const std::string response = get("/");
  EXPECT_EQ(status_of(response), 200);
  for (const char* const header :
       {"Content-Security-Policy: default-src 'none';", "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer", "frame-ancestors 'none'"}) {
    EXPECT_NE(response.find(header), std::string::npos) << header;
  }
  EXPECT_EQ(response.find("unsafe"), std::string::npos);
}

TEST_F(ServerTest, SeveralRequestsOnOneConnection) {
  HttpClient client(port());
  const std::string request = "GET /api/runs HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send(request + request);
  client.receive_until("\"server_time\"", 5s);
  client.send("GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string all = client.receive_all(5s);
  std::size_t count = 0;
  for (std::size_t at = all.find("HTTP/1.1 "); at != all.npos; at = all.find("HTTP/1.1 ", at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 3U);
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, RefusesWhatItShould) {
  EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n")), 421);
  EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")), 421);
  EXPECT_EQ(status_of(get("/api/runs", "Origin: http://evil\r\n")), 403);
  EXPECT_EQ(status_of(get("/api/runs/%2e%2e/x")), 400);
  EXPECT_EQ(status_of(exchange("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")),
            405);
  EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")),
            413);
  EXPECT_EQ(status_of(exchange("nonsense\r\n\r\n")), 400);
  EXPECT_EQ(status_of(get("/")), 200) << "is there afterwards";
}

TEST_F(ServerTest, LongHeadersAreCut) {
  EXPECT_EQ(status_of(get("/", "X: " + std::string(7'000, 'x') + "\r\n")), 200);
  EXPECT_EQ(status_of(get("/", "X: " + std::string(9'000, 'x') + "\r\n")), 431);
  std::string many;
  for (int i = 0; i < 5'000; ++i) many += "A" + std::to_string(i) + ": b\r\n";
  EXPECT_EQ(status_of(get("/", many)), 431);
  EXPECT_EQ(status_of(get("/" + std::string(100'000, 'x'))), 431);
}

TEST_F(ServerTest, EventsArriveWithinASecond) {
  HttpClient client(port());
  client.send("GET /api/events?runs=a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string hello = client.receive_until("event: hello\ndata: {\"server_started\"", 5s);
  EXPECT_NE(hello.find("text/event-stream"), std::string::npos);
  std::this_thread::sleep_for(500ms);
  const auto start = std::chrono::steady_clock::now();
  record("{\"v\":1,\"type\":\"metrics\",\"step\":77,\"g_loss\":0.25}\n");
  const std::string news = client.receive_until("\"step\":77", 5s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
  EXPECT_NE(news.find("event: runs\n"), std::string::npos);
  client.receive_until("event: append\n", 1s);
}

TEST_F(ServerTest, ATakenPortIsNamedWithItsOwner) {
  testing::expect_error(ErrorKind::kInvalidArgument, "is taken by dashboard_tests (process ",
                        [&] { Server again({.runs_dir = dir_.path(), .port = port()}); });
  testing::expect_error(ErrorKind::kInvalidArgument, "--port 0",
                        [&] { Server again({.runs_dir = dir_.path(), .port = port()}); });
}

TEST_F(ServerTest, AnUnknownHostIsNamed) {
  testing::expect_error(ErrorKind::kInvalidArgument, "no.such.host.invalid", [&] {
    Server({.runs_dir = dir_.path(), .host = "no.such.host.invalid", .port = 0});
  });
}

TEST_F(ServerTest, OtherHostsOnlyWithTheToken) {
  const Server open({.runs_dir = dir_.path(), .host = "0.0.0.0", .port = 0});
  std::smatch found;
  const std::string link = open.link();
  ASSERT_TRUE(std::regex_search(link, found, std::regex("\\?token=([0-9a-f]{32})$"))) << link;
  const auto ask = [&](const std::string& target, const std::string& headers) {
    HttpClient client(testing::port_of(link));
    client.send("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" +
                headers + "\r\n");
    return client.receive_all(5s);
  };
  EXPECT_EQ(status_of(ask("/api/runs", "")), 401);
  EXPECT_EQ(status_of(ask("/api/events", "")), 401);
  const std::string welcome = ask("/?token=" + found[1].str(), "");
  EXPECT_EQ(status_of(welcome), 303);
  ASSERT_TRUE(std::regex_search(
      welcome, found, std::regex("Set-Cookie: ([^;]+); Path=/; HttpOnly; SameSite=Strict")));
  EXPECT_EQ(status_of(ask("/api/runs", "Cookie: " + found[1].str() + "\r\n")), 200);
}

TEST_F(ServerTest, EndsWithClientsConnected) {
  auto server = std::make_unique<Server>(ServerOptions{.runs_dir = dir_.path(), .port = 0});
  const int port = testing::port_of(server->link());
  HttpClient idle(port), stream(port);
  stream.send("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  stream.receive_until("hello", 5s);
  server.reset();
  EXPECT_TRUE((stream.receive_all(5s), stream.ended()));
  EXPECT_TRUE((idle.receive_all(5s), idle.ended()));
}

}  // namespace
}  // namespace miniray::dashboard
