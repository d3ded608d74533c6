// Measures the generator's quality while it trains, and keeps the best one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>

#include "gan/metrics/metrics.h"
#include "gan/metrics/statistics_run.h"
#include "gan/replica.h"

namespace miniray {

struct EvaluationOptions {
  std::int64_t every = 1;        // epochs
  std::int64_t images = 10'000;  // that are made each time, from latents of `seed`
  std::uint64_t seed = 42;
  std::string features = "builtin";  // see open_features
  std::filesystem::path cache_dir;   // of the data set's statistics
  // Its generator.safetensors is the one of the lowest FID; evaluation.json says {"epoch", "step",
  // and the metrics}.
  std::filesystem::path best_dir;
  bool resume = false;  // the best one so far is in best_dir already
  int threads = 1;
};

struct EvaluationReport {
  std::int64_t epoch = 0, step = 0;
  std::vector<MetricValue> metrics;  // fid, kid
  bool best = false;                 // of the run, by FID
};

// Observes worker 0. The others wait meanwhile, where they come to an average.
class EpochEvaluator final : public TrainObserver {
 public:
  using Sink = std::function<void(const EvaluationReport&)>;

  // Gets the data set's statistics, before the first step. Throws invalid argument where pictures
  // of this data set do not fit the features, or are too few. warn: of what costs only time.
  EpochEvaluator(const EvaluationOptions& options, const GanSpec& spec, const Dataset& dataset,
                 Sink sink, const std::function<void(const std::string&)>& warn);

  void on_step(const StepReport&) override {}
  // Throws io where the best generator cannot be saved.
  void on_epoch(const EpochReport& report, const Network<float>& generator) override;

 private:
  double best_so_far() const;
  void save_best(const EvaluationReport& report, const Network<float>& generator) const;

  const EvaluationOptions options_;
  const GanSpec spec_;
  const Sink sink_;
  const std::unique_ptr<Communicator> alone_;
  StatisticsRun run_;
  FeatureStatistics reference_;
  double best_ = std::numeric_limits<double>::infinity();
};

}  // namespace miniray
