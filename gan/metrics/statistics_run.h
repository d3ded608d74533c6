// Statistics of pictures, gathered by all processes of a job, and those of a data set kept.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "gan/metrics/statistics_cache.h"

namespace miniray {

// Told of the pictures done, and of how many there are, of the source that is being looked at.
using EvaluationProgress =
    std::function<void(const std::string& source, std::int64_t done, std::int64_t all)>;

// Every process calls its functions alike; what they give back holds something in the first process
// only. One thread at a time.
class StatisticsRun {
 public:
  // `processes` must outlive this; progress may be empty.
  StatisticsRun(std::shared_ptr<const FeatureNetwork> network, const FeatureWorkers& workers,
                Communicator& processes, EvaluationProgress progress);

  const FeatureNetwork& network() const { return *network_; }
  // As many as all workers have: of sums, and of what is done between runs.
  const ThreadBudget& threads() const { return threads_; }
  Communicator& processes() { return processes_; }

  void features_of(const PictureSource& source, const FeatureSink& sink);
  // also: told of the chunks too; may be empty.
  FeatureStatistics of_source(const PictureSource& source, const FeatureSink& also = {});
  // Of all pictures of a data set: from the cache, or computed and stored there. Where they cannot
  // be stored, warn is told, and it has cost only time.
  FeatureStatistics of_dataset(const Dataset& dataset, const std::filesystem::path& cache_dir,
                               const std::function<void(const std::string&)>& warn);

 private:
  const std::shared_ptr<const FeatureNetwork> network_;
  const FeatureWorkers workers_;
  Communicator& processes_;
  const EvaluationProgress progress_;
  const ThreadBudget threads_;
};

}  // namespace miniray
