#include "gan/epoch_evaluator.h"

#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/evaluation_run.h"
#include "gan/model_file.h"

namespace miniray {
namespace {

constexpr MetricSelection kMetrics{.fid = true, .kid = true};
constexpr const char* kRecordFile = "evaluation.json";
constexpr std::int64_t kMaxRecordBytes = 1 << 16;

}  // namespace

EpochEvaluator::EpochEvaluator(const EvaluationOptions& options, const GanSpec& spec,
                               const Dataset& dataset, Sink sink,
                               const std::function<void(const std::string&)>& warn)
    : options_(options),
      spec_(spec),
      sink_(std::move(sink)),
      alone_(make_single_communicator()),
      run_(open_features(options.features), {1, options.threads}, *alone_, {}) {
  run_.network().check_images(spec.image_shape);
  check_count(kMetrics, run_.network(), dataset.size(), dataset.name());
  check_count(kMetrics, run_.network(), options.images, "--eval-images");
  reference_ = run_.of_dataset(dataset, options.cache_dir, warn);
  if (options.resume) best_ = best_so_far();
}

void EpochEvaluator::on_epoch(const EpochReport& epoch, const Network<float>& generator) {
  if (epoch.epoch % options_.every != 0) return;
  const auto loaded = std::make_shared<const LoadedGenerator>(LoadedGenerator{spec_, generator});
  const FeatureStatistics statistics =
      run_.of_source(generated_pictures(loaded, options_.seed, options_.images));
  EvaluationReport report{epoch.epoch, epoch.step, {}, false};
  report.metrics = compare(run_.threads(), kMetrics, run_.network(), reference_, statistics);
  report.best = report.metrics.front().value < best_;
  if (report.best) {
    best_ = report.metrics.front().value;
    save_best(report, generator);
  }
  sink_(report);
}

double EpochEvaluator::best_so_far() const {
  try {
    const auto record =
        nlohmann::json::parse(read_file(options_.best_dir / kRecordFile, kMaxRecordBytes));
    return record.at("fid" + run_.network().suffix()).get<double>();
  } catch (const Error&) {                      // none was saved
  } catch (const nlohmann::json::exception&) {  // a damaged one is as none
  }
  return std::numeric_limits<double>::infinity();
}

void EpochEvaluator::save_best(const EvaluationReport& report,
                               const Network<float>& generator) const {
  make_writable_folder(options_.best_dir);
  save_network(options_.best_dir / "generator.safetensors", Role::kGenerator, spec_, generator);
  nlohmann::ordered_json record{{"epoch", report.epoch}, {"step", report.step}};
  for (const MetricValue& metric : report.metrics) record[metric.name] = metric.value;
  write_file(options_.best_dir / kRecordFile, record.dump() + "\n");
}

}  // namespace miniray
