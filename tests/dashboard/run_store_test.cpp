// What a folder of records shows. Records are written here by hand, as gan/records.h has them.
#include "tools/dashboard/run_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "engine/cpu.h"
#include "support/temp_dir.h"

namespace miniray::dashboard {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string time_text(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40], all[60];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(all, sizeof all, "%s.%03dZ", text, static_cast<int>(ms % 1000));
  return all;
}

class RunStoreTest : public ::testing::Test {
 protected:
  RunStoreTest() : store_(dir_.path() / "runs") {}

  void write(const std::string& id, const std::string& text) {
    fs::create_directories(dir_.path() / "runs" / id);
    std::ofstream(dir_.path() / "runs" / id / "events.jsonl", std::ios::app) << text;
  }
  void record(const std::string& id, const std::string& type, json fields = json::object()) {
    fields["v"] = fields.value("v", 1);
    fields["time"] = time_text(now_);
    fields["type"] = type;
    write(id, fields.dump() + "\n");
  }
  void start(const std::string& id, json fields = json::object()) {
    fields["dataset"] = "cifar10";
    fields["world"] = 2;
    fields["host"] = fields.value("host", "elsewhere");
    fields["pid"] = fields.value("pid", 1);
    record(id, "run_started", fields);
  }
  void metrics(const std::string& id, int step, double g_loss = 0.5) {
    record(id, "metrics",
           {{"step", step},
            {"epoch", 1},
            {"epochs", 4},
            {"steps_in_epoch", 100},
            {"step_in_epoch", step},
            {"d_loss", 1.25},
            {"g_loss", g_loss},
            {"images_per_second", 900}});
  }
  RunStore::Changes poll(const std::set<std::string>& watched = {}) {
    return store_.poll(watched, wall_clock() + later_ms_);
  }
  json run(const std::string& id) {
    return json::parse(store_.run(id, wall_clock() + later_ms_).value());
  }
  std::string state(const std::string& id) { return run(id)["run"]["state"]; }
  static std::int64_t wall_clock() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  testing::TempDir dir_;
  RunStore store_;
  std::int64_t now_ = wall_clock();
  std::int64_t later_ms_ = 0;  // how much time the store is told has passed
};

TEST_F(RunStoreTest, WaitsForItsFolder) {
  poll();
  const json before = json::parse(store_.runs(0));
  EXPECT_FALSE(before["exists"]);
  EXPECT_TRUE(before["runs"].empty());
  start("a");
  poll();
  const json after = json::parse(store_.runs(0));
  EXPECT_TRUE(after["exists"]);
  EXPECT_EQ(after["runs"].size(), 1U);
}

TEST_F(RunStoreTest, ProgressAndTimeLeft) {
  start("a");
  metrics("a", 1);
  now_ += 10'000;
  metrics("a", 41);
  poll();
  const json shown = run("a")["run"];
  EXPECT_NEAR(shown["progress"].get<double>(), 0.1025, 1e-9);
  // A tenth of the whole took ten seconds.
  EXPECT_NEAR(shown["eta_seconds"].get<double>(), 90, 1);
  EXPECT_EQ(shown["d_loss"], 1.25);
  EXPECT_EQ(shown["world"], 2);
}

TEST_F(RunStoreTest, StatesFollowTheRecords) {
  for (const std::string how : {"finished", "interrupted", "failed"}) {
    start(how);
    record(how, "run_ended", {{"how", how}, {"message", "m"}});
  }
  start("running");
  poll();
  for (const std::string id : {"finished", "interrupted", "failed", "running"}) {
    EXPECT_EQ(state(id), id);
  }
  EXPECT_EQ(run("failed")["end_message"], "m");
}

TEST_F(RunStoreTest, SilenceIsAStop) {
  start("a");
  metrics("a", 1);
  poll();
  EXPECT_EQ(state("a"), "running");
  later_ms_ = 14'000;
  EXPECT_EQ(state("a"), "running");
  later_ms_ = 16'000;
  EXPECT_EQ(state("a"), "stopped");
  const auto changes = poll();
  EXPECT_NE(changes.runs.find("\"stopped\""), std::string::npos) << "is told without a record";
}

TEST_F(RunStoreTest, ARunThatRecordsRarelyMayBeSilentForLonger) {
  start("a", {{"config", {{"record_interval", 60}}}});
  poll();
  later_ms_ = 290'000;
  EXPECT_EQ(state("a"), "running");
  later_ms_ = 310'000;
  EXPECT_EQ(state("a"), "stopped");
}

TEST_F(RunStoreTest, ADeadProcessOfThisMachineIsAStopSoon) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  int status = 0;
  waitpid(child, &status, 0);
  start("dead", {{"host", host_name()}, {"pid", child}});
  start("alive", {{"host", host_name()}, {"pid", getpid()}});
  poll();
  later_ms_ = 4'000;
  EXPECT_EQ(state("dead"), "stopped");
  EXPECT_EQ(state("alive"), "running");
}

TEST_F(RunStoreTest, ARunThatGoesOnIsRunningAgain) {
  start("a");
  metrics("a", 50);
  record("a", "run_ended", {{"how", "interrupted"}});
  start("a");
  metrics("a", 41);
  poll();
  EXPECT_EQ(state("a"), "running");
  const json series = json::parse(store_.series("a", {}).value());
  EXPECT_EQ(series["step"], json({41})) << "steps made again replace the old ones";
}

TEST_F(RunStoreTest, CorruptLinesAreCountedAndTheRestIsShown) {
  start("a");
  write("a", "{\"v\":1,\"type\":\n\xFF\xFE\nnull\n[]\n12\n");
  metrics("a", 7);
  write("a", "{\"v\":1,\"type\":\"metrics\",\"step\":9");  // half-written: no error
  poll();
  EXPECT_EQ(run("a")["run"]["corrupt_lines"], 5);
  EXPECT_EQ(run("a")["run"]["step"], 7);
}

TEST_F(RunStoreTest, UnknownRecordsAndFieldsAreIgnored) {
  record("a", "run_started", {{"dataset", 12}, {"world", "many"}, {"new_field", {1, 2}}});
  record("a", "of_the_future", {{"step", 1}});
  record("a", "metrics", {{"v", 2}, {"step", 3}, {"d_loss", "low"}, {"g_loss", nullptr}});
  poll();
  const json shown = run("a")["run"];
  EXPECT_EQ(shown["corrupt_lines"], 0);
  EXPECT_TRUE(shown["newer_version"]);
  EXPECT_EQ(shown["step"], 3);
  EXPECT_TRUE(shown["d_loss"].is_null());
}

TEST_F(RunStoreTest, WorkersOfARun) {
  start("a");
  for (int rank = 0; rank < 2; ++rank) {
    record("a", "worker",
           {{"rank", rank}, {"host", "h"}, {"step", 5}, {"shard", 100}, {"d_loss", 1 + rank}});
  }
  record("a", "worker", {{"rank", -1}});
  record("a", "worker", {{"rank", 1e9}});
  record("a", "worker_lost", {{"rank", 1}, {"message", "gone"}});
  poll();
  const json workers = run("a")["workers"];
  ASSERT_EQ(workers.size(), 2U);
  EXPECT_EQ(workers[0]["state"], "training");
  EXPECT_EQ(workers[0]["shard"], 100);
  EXPECT_EQ(workers[1]["state"], "lost");
  const json series = json::parse(store_.series("a", {.workers = true}).value());
  EXPECT_EQ(series["workers"]["1"]["d_loss"], json({2}));
}

TEST_F(RunStoreTest, LogSearchAndPages) {
  start("a");
  for (int i = 0; i < 30; ++i) record("a", "warning", {{"message", "Line " + std::to_string(i)}});
  poll();
  const auto log = [&](LogQuery query) { return json::parse(store_.log("a", query).value()); };
  const json first = log({.limit = 10});
  EXPECT_EQ(first["total"], 31);
  EXPECT_EQ(first["lines"][0]["text"], "Line 29");
  const json older = log({.before = first["lines"][9]["n"], .limit = 10});
  EXPECT_EQ(older["lines"][0]["text"], "Line 19");
  const json found = log({.text = "lINE 7"});
  ASSERT_EQ(found["lines"].size(), 1U);
  EXPECT_EQ(found["lines"][0]["level"], "warning");
}

TEST_F(RunStoreTest, NewsOfAWatchedRun) {
  start("a");
  metrics("a", 1);
  EXPECT_TRUE(poll().appended.empty()) << "nobody watches";
  metrics("a", 2, 0.75);
  record("a", "samples", {{"epoch", 1}, {"step", 2}, {"path", "samples/x y.png"}});
  const auto changes = poll({"a"});
  const json news = json::parse(changes.appended.at("a"));
  ASSERT_EQ(news["rows"].size(), 1U);
  EXPECT_EQ(news["rows"][0]["step"], 2);
  EXPECT_EQ(news["rows"][0]["g_loss"], 0.75);
  EXPECT_EQ(news["samples"][0]["url"], "/api/runs/a/files/samples/x%20y.png");
  EXPECT_FALSE(news["reload"]);
  EXPECT_TRUE(poll({"a"}).appended.empty()) << "told once";
  metrics("a", 1);
  EXPECT_TRUE(json::parse(poll({"a"}).appended.at("a"))["reload"]) << "steps were made again";
}

TEST_F(RunStoreTest, FoldersThatAreNoRunsAndRunsThatWent) {
  start("a");
  start("b");
  fs::create_directory(dir_.path() / "runs" / ".hidden");
  std::ofstream(dir_.path() / "runs" / "file") << "x";
  fs::create_directory_symlink(dir_.path() / "runs" / "a", dir_.path() / "runs" / "link");
  poll();
  EXPECT_EQ(json::parse(store_.runs(0))["runs"].size(), 2U);
  fs::remove_all(dir_.path() / "runs" / "b");
  EXPECT_NE(poll().runs.find("\"removed\":[\"b\"]"), std::string::npos);
  EXPECT_FALSE(store_.run("b", 0));
}

TEST_F(RunStoreTest, TextOfRecordsStaysText) {
  const std::string payload = "</script><img src=x onerror=alert(1)>\"'&\x1B[31m";
  start("a", {{"host", payload}, {"cpu", payload}});
  record("a", "warning", {{"message", payload}});
  poll();
  EXPECT_EQ(json::parse(store_.log("a", {}).value())["lines"][0]["text"], payload);
  EXPECT_EQ(run("a")["run"]["host"], payload);
}

}  // namespace
}  // namespace miniray::dashboard
