#include "gan/evaluation_run.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/span.h"
#include "gan/data/open_dataset.h"
#include "gan/image_io.h"
#include "gan/metrics/builtin_features.h"
#include "gan/metrics/nearest_sheet.h"
#include "gan/metrics/statistics_cache.h"

namespace miniray {
namespace {

constexpr std::int64_t kSheetColumns = 12;  // four samples and what is nearest to them

// Grey where the data set is: a folder's pictures do not say.
std::int64_t channels_of(const EvaluateConfig& config) {
  if (!config.stats.empty()) return 3;
  const bool grey = config.data == "mnist" || config.data == "fashion-mnist";
  return grey ? 1 : 3;
}

PictureSource open_samples(const EvaluateConfig& config) {
  if (!config.samples.empty()) return folder_pictures(config.samples, channels_of(config));
  return generated_pictures(std::make_shared<const LoadedGenerator>(load_generator(config.model)),
                            config.seed, config.num_images);
}

// One evaluation, run by all processes alike; only the first one's statistics hold anything.
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
    const PictureSource samples = open_samples(config_);
    const std::unique_ptr<Dataset> dataset = open_reference(samples);
    network_->check_images(samples.image_shape);
    check_count(metrics_, *network_, samples.count,
                config_.samples.empty() ? "--num-images" : samples.name);
    result_.features = network_->description();
    result_.images = samples.count;
    const FeatureStatistics reference = dataset ? of_dataset(*dataset) : of_file();
    std::vector<float> shown;  // features of the first samples
    const FeatureStatistics statistics = of_source(samples, [&](const FeatureChunk& chunk) {
      if (chunk.first == 0) shown = chunk.features;
    });
    if (processes_.rank() == 0) {
      result_.metrics = compare(threads_, metrics_, *network_, reference, statistics);
    }
    if (!config_.nearest.empty()) write_nearest(samples, shown, pictures_of(*dataset));
    return std::move(result_);
  }

 private:
  // Null where there is a file of statistics instead.
  std::unique_ptr<Dataset> open_reference(const PictureSource& samples) {
    if (!config_.stats.empty()) return nullptr;
    auto dataset = open_dataset(
        {.name = config_.data, .data_dir = config_.data_dir, .image_size = samples.image_shape[1]},
        {.threads = threads_.threads(),
         .warn = [&](const std::string& message) { result_.warning = message; }});
    if (samples.image_shape != dataset->sample_shape()) {
      throw invalid_argument(samples.name + " has pictures of " + samples.image_shape.to_string() +
                             ", the data set " + dataset->name() + " of " +
                             dataset->sample_shape().to_string());
    }
    return dataset;
  }

  FeatureStatistics of_source(const PictureSource& source, const FeatureSink& also = {}) {
    StatisticsBuilder builder(threads_, *network_, source.count);
    run_features(network_, source, workers_, processes_, [&](const FeatureChunk& chunk) {
      builder.add(chunk);
      if (also) also(chunk);
      progress_(source.name, chunk.first + chunk.count, source.count);
    });
    return processes_.rank() == 0 ? builder.finish() : FeatureStatistics{};
  }

  FeatureStatistics of_file() {
    FeatureStatistics statistics = read_statistics(config_.stats, *network_).statistics;
    if (statistics.kept.empty() && (metrics_.kid || metrics_.prdc)) {
      throw invalid_argument("'" + config_.stats.string() +
                             "' holds no feature vectors, which kid and prdc need; fid and is can "
                             "be measured");
    }
    result_.reference = "the statistics in '" + config_.stats.string() + "'";
    return statistics;
  }

  FeatureStatistics of_dataset(const Dataset& dataset) {
    const PictureSource source = pictures_of(dataset);
    check_count(metrics_, *network_, source.count, source.name);
    result_.reference = std::to_string(source.count) + " pictures of " + source.name;
    const auto folder =
        config_.cache_dir.empty() ? config_.data_dir / "statistics" : config_.cache_dir;
    const StatisticsCache cache(folder, *network_, identity_of(threads_, dataset));
    std::optional<FeatureStatistics> found = cache.find();
    // All processes go on as the first does.
    if (processes_.gather(found ? "found" : "").front().empty()) {
      found = of_source(source);
      if (processes_.rank() == 0 && found->moments) store(cache, *found);
    }
    if (processes_.rank() == 0 && !config_.write_stats.empty()) {
      write_statistics(config_.write_stats, *found, *network_, "");
    }
    return found.value_or(FeatureStatistics{});
  }

  // A cache that cannot be kept costs only time.
  void store(const StatisticsCache& cache, const FeatureStatistics& statistics) {
    try {
      cache.store(statistics);
    } catch (const Error& error) {
      result_.warning = error.what();
    }
  }

  void write_nearest(const PictureSource& samples, std::span<const float> features,
                     const PictureSource& source) {
    const auto each_vector = [&](const VectorSink& sink) {
      run_features(network_, source, workers_, processes_, [&](const FeatureChunk& chunk) {
        sink(chunk.features);
        progress_(source.name, chunk.first + chunk.count, source.count);
      });
    };
    if (processes_.rank() != 0) return each_vector([](std::span<const float>) {});
    const std::int64_t count = std::min(kNearestSamples, samples.count);
    const Images shown = samples.open(threads_)(0, count);
    write_sheet(config_.nearest,
                nearest_pictures(threads_, shown, part(features, 0, count * network_->features()),
                                 source, each_vector),
                kSheetColumns);
  }

  const EvaluateConfig& config_;
  const MetricSelection metrics_;
  const FeatureWorkers workers_;
  const std::shared_ptr<const FeatureNetwork> network_;
  Communicator& processes_;
  const EvaluationProgress& progress_;
  const ThreadBudget threads_;  // of the sums and of the metrics, between the workers' chunks
  EvaluationResult result_;
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
