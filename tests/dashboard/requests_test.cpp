// What is answered to whom, without any socket.
#include <gtest/gtest.h>

#include <fstream>

#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "tools/dashboard/api.h"
#include "tools/dashboard/guard.h"
#include "tools/dashboard/run_files.h"

namespace miniray::dashboard {
namespace {

namespace fs = std::filesystem;
using Parts = std::vector<std::string>;

TEST(RequestTarget, PathAndQuery) {
  const auto target = parse_target("/api/runs/a%20b/log?q=x+%26y&limit=3&flag&q=last#part");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, (Parts{"api", "runs", "a b", "log"}));
  EXPECT_EQ(target->query.at("q"), "last");
  EXPECT_EQ(target->query.at("limit"), "3");
  EXPECT_EQ(target->query.at("flag"), "");
  EXPECT_EQ(parse_target("/")->path, Parts{});
  EXPECT_EQ(parse_target("/?q=x+%26y")->query.at("q"), "x &y");
}

TEST(RequestTarget, WhatIsNoPlainPathIsRefused) {
  for (const char* const bad :
       {"", "runs", "*", "http://x/", "//", "/a//b", "/a/", "/..", "/a/../b", "/%2e%2e/x", "/.",
        "/a%2fb", "/a%00b", "/%", "/%4", "/%zz", "/?q=%"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
}

class RunFilesTest : public ::testing::Test {
 protected:
  RunFilesTest() {
    fs::create_directories(runs() / "a" / "samples");
    std::ofstream(runs() / "a" / "samples" / "x.png") << "png";
    std::ofstream(dir_.path() / "secret.png") << "secret";
    fs::create_symlink(dir_.path() / "secret.png", runs() / "a" / "samples" / "link.png");
    fs::create_directory_symlink(dir_.path(), runs() / "a" / "up");
  }
  fs::path runs() const { return dir_.path() / "runs"; }
  testing::TempDir dir_;
};

TEST_F(RunFilesTest, FilesOfARun) {
  EXPECT_EQ(read_run_file(runs(), {"a", "samples", "x.png"}), "png");
}

TEST_F(RunFilesTest, NoWayLeadsOut) {
  for (const Parts& parts :
       {Parts{"a", "samples", "link.png"}, Parts{"a", "up", "secret.png"}, Parts{"a", "samples"},
        Parts{"a", "nothing.png"}, Parts{"a", "samples", "x.png", "y"}}) {
    testing::expect_error(ErrorKind::kNotFound, "no such file",
                          [&] { read_run_file(runs(), parts); });
  }
  for (const Parts& parts : {Parts{"..", "secret.png"}, Parts{"a", "../../secret.png"},
                             Parts{dir_.path() / "secret.png"}, Parts{"a", ""},
                             Parts{"a", std::string("x.png\0y", 7)}}) {
    testing::expect_error(ErrorKind::kInvalidArgument, "no plain name of a file",
                          [&] { read_run_file(runs(), parts); });
  }
}

class ApiTest : public RunFilesTest {
 protected:
  ApiTest() : store_(runs()) {
    std::ofstream(runs() / "a" / "events.jsonl") << "{\"v\":1,\"type\":\"metrics\",\"step\":1}\n";
    std::ofstream(runs() / "a" / "config.toml") << "epochs=1";
    store_.poll({}, 0);
  }
  Response get(const std::string& target) {
    const auto parsed = parse_target(target);
    return parsed ? respond(store_, *parsed, 0) : error_response(400, "");
  }
  RunStore store_;
};

TEST_F(ApiTest, Answers) {
  EXPECT_EQ(get("/api/runs").status, 200U);
  EXPECT_EQ(get("/api/runs/a").status, 200U);
  EXPECT_EQ(get("/api/runs/a/series?points=10&workers=1&from=0&to=9").status, 200U);
  EXPECT_EQ(get("/api/runs/a/log").status, 200U);
  const Response picture = get("/api/runs/a/files/samples/x.png");
  EXPECT_EQ(picture.type, "image/png");
  EXPECT_EQ(picture.body, "png");
  EXPECT_EQ(get("/api/runs/a/files/config.toml").type, "text/plain; charset=utf-8");
  EXPECT_EQ(get("/").type, "text/html; charset=utf-8");
}

TEST_F(ApiTest, Refusals) {
  for (const char* const missing :
       {"/api", "/api/nothing", "/api/runs/b", "/api/runs/b/series", "/api/runs/a/nothing",
        "/api/runs/a/files", "/api/runs/a/files/samples/link.png",
        "/api/runs/a/files/up/secret.png", "/api/runs/a/files/events.jsonl", "/nothing.html",
        "/page/index.html"}) {
    EXPECT_EQ(get(missing).status, 404U) << missing;
  }
  EXPECT_EQ(get("/api/runs/a/series?points=many").status, 400U);
  EXPECT_EQ(get("/api/runs/a/series?from=nan").status, 400U);
  EXPECT_EQ(get("/api/runs/a/series?points=1e300").status, 200U);
  EXPECT_EQ(get("/api/runs/a/files/..%2f..%2fsecret.png").status, 400U);
}

TEST_F(ApiTest, WatchedRuns) {
  const auto watched = [](const std::string& target) {
    return watched_runs(*parse_target(target));
  };
  EXPECT_EQ(watched("/api/events?runs=a,b,,c"), (std::set<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(watched("/api/events").empty());
  std::string many = "/api/events?runs=";
  for (int i = 0; i < 100; ++i) many += std::to_string(i) + ",";
  EXPECT_EQ(watched(many).size(), 16U);
}

unsigned status(const Guard& guard, const RequestHead& head) {
  const auto refusal = guard.refuse(head, parse_target(head.target));
  return refusal ? refusal->status : 200;
}

RequestHead head_for(std::string_view host, std::string_view target = "/api/runs") {
  return {.method = "GET",
          .target = target,
          .host = host,
          .origin = "",
          .cookie = "",
          .authorization = ""};
}

TEST(Guard, LoopbackAnswersToItsOwnNamesAlone) {
  const Guard guard{.host = "127.0.0.1", .host_name = "box", .loopback = true};
  for (const char* const ours : {"127.0.0.1:8266", "localhost:8266", "localhost", "[::1]:8266"}) {
    EXPECT_EQ(status(guard, head_for(ours)), 200U) << ours;
  }
  for (const char* const foreign :
       {"", "evil.example", "evil.example:8266", "127.0.0.1.evil.example", "localhost.evil.example",
        "10.0.0.1", "box", "[", "[::1"}) {
    EXPECT_EQ(status(guard, head_for(foreign)), 421U) << foreign;
  }
}

TEST(Guard, ForeignOriginsAreRefused) {
  const Guard guard{.host = "127.0.0.1", .host_name = "box"};
  RequestHead head = head_for("localhost:8266");
  head.origin = "http://localhost:8266";
  EXPECT_EQ(status(guard, head), 200U);
  for (const char* const origin :
       {"http://evil.example", "null", "http://localhost:9999", "https://localhost:8266"}) {
    head.origin = origin;
    EXPECT_EQ(status(guard, head), 403U) << origin;
  }
}

TEST(Guard, OnlyGet) {
  const Guard guard{.host = "127.0.0.1", .host_name = "box"};
  RequestHead head = head_for("localhost");
  head.method = "POST";
  EXPECT_EQ(status(guard, head), 405U);
  head.method = "GET";
  head.target = "/../x";
  EXPECT_EQ(status(guard, head), 400U);
}

TEST(Guard, OthersNeedTheToken) {
  const std::string token = make_token();
  const Guard guard{.host = "0.0.0.0",
                    .host_name = "box",
                    .loopback = false,
                    .token = token,
                    .cookie_name = "miniray_1"};
  EXPECT_EQ(status(guard, head_for("evil.example")), 421U);
  EXPECT_EQ(status(guard, head_for("box:8266")), 401U);
  EXPECT_EQ(status(guard, head_for("10.0.0.1:8266", "/")), 200U) << "the page has no secrets";
  RequestHead head = head_for("10.0.0.1:8266");
  const std::string cookie = "other=1; miniray_1=" + token + "; more=2";
  head.cookie = cookie;
  EXPECT_EQ(status(guard, head), 200U);
  const std::string wrong = "miniray_1=" + std::string(token.size(), '0');
  head.cookie = wrong;
  EXPECT_EQ(status(guard, head), 401U);
  const std::string near = "xminiray_1=" + token;
  head.cookie = near;
  EXPECT_EQ(status(guard, head), 401U);
  const std::string bearer = "Bearer " + token;
  head.authorization = bearer;
  EXPECT_EQ(status(guard, head), 200U);
  EXPECT_TRUE(guard.brings_token(*parse_target("/?token=" + token)));
  EXPECT_FALSE(guard.brings_token(*parse_target("/?token=x")));
}

TEST(Guard, TokensDiffer) {
  EXPECT_EQ(make_token().size(), 32U);
  EXPECT_NE(make_token(), make_token());
}

}  // namespace
}  // namespace miniray::dashboard
