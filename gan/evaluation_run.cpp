#include "gan/evaluation_run.h"

#include "engine/error.h"
#include "gan/metrics/builtin_features.h"
#include "gan/metrics/statistics_cache.h"

namespace miniray {
namespace {

// The statistics of one evaluation, gathered by all processes alike; only the first one's hold
// anything.
class Evaluation {
 public:
  Evaluation(const EvaluateConfig& config, const MetricSelection& metrics,
             std::shared_ptr<const FeatureNetwork> network, Communicator& processes,
             const EvaluationProgress& progress)
      : config_(config),
        metrics_(metrics),
        workers_{worker_count(config), threads_per_worker(config)},
        network_(std::move(network)),
        processes_(processes),
        progress_(progress),
        threads_(workers_.workers * workers_.threads_per_worker) {}

  EvaluationResult run() {
    const auto generator = std::make_shared<const LoadedGenerator>(load_generator(config_.model));
    const PictureSource samples = generated_pictures(generator, config_.seed, config_.num_images);
    const auto dataset = config_.stats.empty()
                             ? open_dataset({.name = config_.data,
                                             .data_dir = config_.data_dir,
                                             .image_size = samples.image_shape[1]})
                             : nullptr;
    network_->check_images(samples.image_shape);
    check_count(metrics_, *network_, samples.count, "--num-images");
    EvaluationResult result;
    result.features = network_->description();
    result.images = samples.count;
    const FeatureStatistics reference =
        dataset ? of_dataset(*dataset, samples, result) : of_file(result);
    const FeatureStatistics statistics = of_source(samples);
    if (processes_.rank() == 0) {
      result.metrics = compare(threads_, metrics_, *network_, reference, statistics);
    }
    return result;
  }

 private:
  FeatureStatistics of_source(const PictureSource& source) {
    StatisticsBuilder builder(threads_, *network_, source.count);
    run_features(network_, source, workers_, processes_, [&](const FeatureChunk& chunk) {
      builder.add(chunk);
      progress_(source.name, chunk.first + chunk.count, source.count);
    });
    return processes_.rank() == 0 ? builder.finish() : FeatureStatistics{};
  }

  FeatureStatistics of_file(EvaluationResult& result) {
    FeatureStatistics statistics = read_statistics(config_.stats, *network_).statistics;
    if (statistics.kept.empty() && (metrics_.kid || metrics_.prdc)) {
      throw invalid_argument("'" + config_.stats.string() +
                             "' holds no feature vectors, which kid and prdc need; fid and is can "
                             "be measured");
    }
    result.reference = "the statistics in '" + config_.stats.string() + "'";
    return statistics;
  }

  FeatureStatistics of_dataset(const Dataset& dataset, const PictureSource& samples,
                               EvaluationResult& result) {
    const PictureSource source = pictures_of(dataset);
    if (samples.image_shape != source.image_shape) {
      throw invalid_argument(samples.name + " has pictures of " + samples.image_shape.to_string() +
                             ", the data set " + source.name + " of " +
                             source.image_shape.to_string());
    }
    check_count(metrics_, *network_, source.count, source.name);
    result.reference = std::to_string(source.count) + " pictures of " + source.name;
    const auto folder =
        config_.cache_dir.empty() ? config_.data_dir / "statistics" : config_.cache_dir;
    const StatisticsCache cache(folder, *network_, source.name, identity_of(threads_, dataset));
    std::optional<FeatureStatistics> found = cache.find();
    // All processes go on as the first does.
    if (processes_.gather(found ? "found" : "").front().empty()) {
      found = of_source(source);
      if (processes_.rank() == 0 && found->moments) store(cache, *found, result);
    }
    if (processes_.rank() == 0 && !config_.write_stats.empty()) {
      write_statistics(config_.write_stats, *found, *network_, "");
    }
    return found.value_or(FeatureStatistics{});
  }

  // A cache that cannot be kept costs only time.
  static void store(const StatisticsCache& cache, const FeatureStatistics& statistics,
                    EvaluationResult& result) {
    try {
      cache.store(statistics);
    } catch (const Error& error) {
      result.warning = error.what();
    }
  }

  const EvaluateConfig& config_;
  const MetricSelection metrics_;
  const FeatureWorkers workers_;
  const std::shared_ptr<const FeatureNetwork> network_;
  Communicator& processes_;
  const EvaluationProgress& progress_;
  const ThreadBudget threads_;  // of the sums and of the metrics, between the workers' chunks
};

}  // namespace

std::shared_ptr<const FeatureNetwork> open_features(const std::string& name_or_path) {
  return std::make_shared<BuiltinFeatures>(
      name_or_path == "builtin" ? shipped_classifier() : SafetensorsFile::read(name_or_path));
}

EvaluationResult run_evaluation(const EvaluateConfig& config, Communicator& processes,
                                const EvaluationProgress& progress) {
  check_config(config);
  return Evaluation(config, parse_metrics(config.metrics), open_features(config.features),
                    processes, progress)
      .run();
}

}  // namespace miniray
