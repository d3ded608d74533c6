#include "gan/metrics/statistics_run.h"

#include "engine/error.h"

namespace miniray {

StatisticsRun::StatisticsRun(std::shared_ptr<const FeatureNetwork> network,
                             const FeatureWorkers& workers, Communicator& processes,
                             EvaluationProgress progress)
    : network_(std::move(network)),
      workers_(workers),
      processes_(processes),
      progress_(std::move(progress)),
      threads_(workers.workers * workers.threads_per_worker) {}

void StatisticsRun::features_of(const PictureSource& source, const FeatureSink& sink) {
  run_features(network_, source, workers_, processes_, [&](const FeatureChunk& chunk) {
    sink(chunk);
    if (progress_) progress_(source.name, chunk.first + chunk.count, source.count);
  });
}

FeatureStatistics StatisticsRun::of_source(const PictureSource& source, const FeatureSink& also) {
  StatisticsBuilder builder(threads_, *network_, source.count);
  features_of(source, [&](const FeatureChunk& chunk) {
    builder.add(chunk);
    if (also) also(chunk);
  });
  return processes_.rank() == 0 ? builder.finish() : FeatureStatistics{};
}

FeatureStatistics StatisticsRun::of_dataset(const Dataset& dataset,
                                            const std::filesystem::path& cache_dir,
                                            const std::function<void(const std::string&)>& warn) {
  const StatisticsCache cache(cache_dir, *network_, identity_of(threads_, dataset));
  std::optional<FeatureStatistics> found = cache.find();
  // All processes go on as the first does.
  if (!processes_.gather(found ? "found" : "").front().empty()) {
    return found.value_or(FeatureStatistics{});
  }
  FeatureStatistics statistics = of_source(pictures_of(dataset));
  if (processes_.rank() != 0 || !statistics.moments) return statistics;
  try {
    cache.store(statistics);
  } catch (const Error& error) {
    warn(error.what());
  }
  return statistics;
}

}  // namespace miniray
