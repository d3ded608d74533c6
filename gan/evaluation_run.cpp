#include "gan/evaluation_run.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/span.h"
#include "gan/data/open_dataset.h"
#include "gan/image_io.h"
#include "gan/metrics/builtin_features.h"
#include "gan/metrics/inception_features.h"
#include "gan/metrics/nearest_sheet.h"

namespace miniray {
namespace {

const std::string kInceptionPrefix = "inception:";
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

// One evaluation, run by all processes alike.
class Evaluation {
 public:
  Evaluation(const EvaluateConfig& config, Communicator& processes,
             const EvaluationProgress& progress)
      : config_(config),
        progress_(progress),
        metrics_(parse_metrics(config.metrics)),
        run_(open_features(config.features), {worker_count(config), threads_per_worker(config)},
             processes, progress) {}

  EvaluationResult run() {
    const PictureSource samples = open_samples(config_);
    const std::unique_ptr<Dataset> dataset = open_reference(samples);
    run_.network().check_images(samples.image_shape);
    check_count(metrics_, run_.network(), samples.count,
                config_.samples.empty() ? "--num-images" : samples.name);
    result_.features = run_.network().description();
    result_.images = samples.count;
    const FeatureStatistics reference = dataset ? of_dataset(*dataset) : of_file();
    std::vector<float> shown;  // features of the first samples
    const FeatureStatistics statistics = run_.of_source(samples, [&](const FeatureChunk& chunk) {
      if (chunk.first == 0) shown = chunk.features;
    });
    if (is_first()) {
      result_.metrics = compare(run_.threads(), metrics_, run_.network(), reference, statistics);
    }
    if (!config_.nearest.empty()) write_nearest(samples, shown, pictures_of(*dataset));
    return std::move(result_);
  }

 private:
  bool is_first() { return run_.processes().rank() == 0; }

  // Null where there is a file of statistics instead.
  std::unique_ptr<Dataset> open_reference(const PictureSource& samples) {
    if (!config_.stats.empty()) return nullptr;
    auto dataset = open_dataset(
        {.name = config_.data, .data_dir = config_.data_dir, .image_size = samples.image_shape[1]},
        {.threads = run_.threads().threads(), .progress = reading(), .warn = warn()});
    if (samples.image_shape != dataset->sample_shape()) {
      throw invalid_argument(samples.name + " has pictures of " + samples.image_shape.to_string() +
                             ", the data set " + dataset->name() + " of " +
                             dataset->sample_shape().to_string());
    }
    return dataset;
  }

  FeatureStatistics of_file() {
    FeatureStatistics statistics = read_statistics(config_.stats, run_.network()).statistics;
    if (statistics.kept.empty() && (metrics_.kid || metrics_.prdc)) {
      throw invalid_argument("'" + config_.stats.string() +
                             "' holds no feature vectors, which kid and prdc need; fid and is can "
                             "be measured");
    }
    result_.reference = "the statistics in '" + config_.stats.string() + "'";
    return statistics;
  }

  FeatureStatistics of_dataset(const Dataset& dataset) {
    check_count(metrics_, run_.network(), dataset.size(), dataset.name());
    result_.reference = std::to_string(dataset.size()) + " pictures of " + dataset.name();
    const auto cache_dir =
        config_.cache_dir.empty() ? statistics_folder(config_.data_dir) : config_.cache_dir;
    FeatureStatistics statistics = run_.of_dataset(dataset, cache_dir, warn());
    if (is_first() && !config_.write_stats.empty()) {
      write_statistics(config_.write_stats, statistics, run_.network(), "");
    }
    return statistics;
  }

  void write_nearest(const PictureSource& samples, std::span<const float> features,
                     const PictureSource& source) {
    const auto each_vector = [&](const VectorSink& sink) {
      run_.features_of(source, [&](const FeatureChunk& chunk) { sink(chunk.features); });
    };
    if (!is_first()) return each_vector([](std::span<const float>) {});
    const std::int64_t count = std::min(kNearestSamples, samples.count);
    const Images shown = samples.open(run_.threads())(0, count);
    write_sheet(
        config_.nearest,
        nearest_pictures(run_.threads(), shown,
                         part(features, 0, count * run_.network().features()), source, each_vector),
        kSheetColumns);
  }

  std::function<void(std::int64_t, std::int64_t)> reading() {
    return [this](std::int64_t done, std::int64_t all) {
      run_.processes().heartbeat();  // others wait for this process
      if (progress_) progress_("reading " + config_.data, done, all);
    };
  }

  std::function<void(const std::string&)> warn() {
    return [this](const std::string& message) { result_.warning = message; };
  }

  const EvaluateConfig& config_;
  const EvaluationProgress& progress_;
  const MetricSelection metrics_;
  StatisticsRun run_;
  EvaluationResult result_;
};

std::shared_ptr<const FeatureNetwork> open_inception(const std::filesystem::path& path) {
  try {
    return std::make_shared<InceptionFeatures>(SafetensorsFile::read(path));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kCorrupt) throw;
    throw corrupt(std::string(error.what()) +
                  " ('gan_features convert' makes one of PyTorch's file)");
  }
}

}  // namespace

std::shared_ptr<const FeatureNetwork> open_features(const std::string& name_or_path) {
  if (name_or_path.starts_with(kInceptionPrefix)) {
    return open_inception(name_or_path.substr(kInceptionPrefix.size()));
  }
  return std::make_shared<BuiltinFeatures>(
      name_or_path == "builtin" ? shipped_classifier() : SafetensorsFile::read(name_or_path));
}

EvaluationResult run_evaluation(const EvaluateConfig& config, Communicator& processes,
                                const EvaluationProgress& progress) {
  check_config(config);
  return Evaluation(config, processes, progress).run();
}

}  // namespace miniray
