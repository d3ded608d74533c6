// The records of a run, as the dashboard reads them.
#include <nlohmann/json.hpp>

#include "fuzz/target.h"
#include "tools/dashboard/run_store.h"

namespace miniray::fuzz {

void parse(std::string_view bytes) {
  using dashboard::RunStore;
  static const testing::TempDir dir;
  const std::filesystem::path run = dir.path() / "a";
  std::filesystem::create_directory(run);
  write_file(run / "events.jsonl", std::as_bytes(std::span(bytes)), Durability::kBuffered);
  RunStore store(dir.path());
  for (const auto& [id, news] : store.poll({"a"}, 0).appended) {
    require(nlohmann::json::accept(news), "what is told of a run is JSON");
  }
  for (const auto& text : {store.run("a", 0), store.log("a", {}), store.log("a", {.text = "a"}),
                           store.series("a", {.points = 3, .workers = true})}) {
    require(text && nlohmann::json::accept(*text), "what a run answers is JSON");
  }
  require(nlohmann::json::accept(store.runs(0)), "the list of runs is JSON");
}

std::vector<std::string> seeds() {
  return {
      R"({"v":1,"time":"2026-01-31T14:25:00.123Z","type":"run_started","config":{"epochs":4,"model":"mlp"},"world":2,"host":"h","pid":7}
{"v":1,"time":"2026-01-31T14:25:01.123Z","type":"metrics","step":10,"epoch":1,"epochs":4,"steps_in_epoch":20,"step_in_epoch":10,"d_loss":1.3,"g_loss":0.7}
{"v":1,"time":"2026-01-31T14:25:01.125Z","type":"worker","rank":1,"host":"h","pid":7,"step":10,"epoch":1,"shard":100,"d_loss":1.3}
)",
      R"({"v":1,"time":"2026-01-31T14:25:02.123Z","type":"epoch","epoch":1,"epochs":4,"step":20,"d_loss":1.25,"seconds":1.5}
{"v":1,"time":"2026-01-31T14:25:02.223Z","type":"sync","epoch":1,"step":20,"bytes":100,"ms":2.5,"divergence":1e-4}
{"v":1,"time":"2026-01-31T14:25:02.323Z","type":"samples","epoch":1,"step":20,"path":"samples/epoch_00001.png"}
{"v":1,"time":"2026-01-31T14:25:02.423Z","type":"evaluation","epoch":1,"step":20,"fid-builtin":12.5}
{"v":1,"time":"2026-01-31T14:25:02.523Z","type":"worker_lost","rank":1,"message":"gone"}
{"v":1,"time":"2026-01-31T14:25:02.623Z","type":"run_ended","how":"failed","message":"why"}
)"};
}

}  // namespace miniray::fuzz
