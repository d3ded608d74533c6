#include "gan/metrics/metrics.h"

#include "engine/error.h"
#include "gan/metrics/frechet.h"
#include "gan/metrics/manifold.h"

namespace miniray {

MetricSelection parse_metrics(std::string_view text) {
  MetricSelection metrics;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    if (word == "fid") {
      metrics.fid = true;
    } else if (word == "kid") {
      metrics.kid = true;
    } else if (word == "is") {
      metrics.is = true;
    } else if (word == "prdc") {
      metrics.prdc = true;
    } else {
      throw invalid_argument("there is no metric '" + std::string(word) +
                             "'; there are fid, kid, is and prdc, joined by commas");
    }
    if (comma == std::string_view::npos) return metrics;
    text.remove_prefix(comma + 1);
  }
}

void check_count(const MetricSelection& metrics, const FeatureNetwork& network, std::int64_t count,
                 const std::string& what) {
  const auto need = [&](bool wanted, const char* metric, std::int64_t least) {
    if (!wanted || count >= least) return;
    throw invalid_argument(std::string(metric) + " of " + std::to_string(network.features()) +
                           " features needs at least " + std::to_string(least) + " pictures; " +
                           what + " has " + std::to_string(count));
  };
  need(metrics.fid, "fid", least_vectors(network.features()));
  need(metrics.kid, "kid", 2);
  need(metrics.is, "is", 1);
  need(metrics.prdc, "prdc", kNeighbours + 1);
}

std::vector<MetricValue> compare(const ThreadBudget& threads, const MetricSelection& metrics,
                                 const FeatureNetwork& network, const FeatureStatistics& reference,
                                 const FeatureStatistics& samples) {
  std::vector<MetricValue> values;
  const std::int64_t features = network.features();
  const auto add = [&](const char* name, double value, double deviation = 0) {
    values.push_back(
        {name + network.suffix(), value, deviation > 0 ? std::optional(deviation) : std::nullopt});
  };
  if (metrics.fid) {
    add("fid", frechet_distance(threads, reference.moments.value(), samples.moments.value()));
  }
  if (metrics.kid) {
    const Score score = kernel_distance(threads, features, reference.kept, samples.kept);
    add("kid", score.mean, score.deviation);
  }
  if (metrics.is) {
    const Score& score = samples.inception_score.value();
    add("is", score.mean, score.deviation);
  }
  if (metrics.prdc) {
    const auto scores = manifold_scores(threads, features, reference.kept, samples.kept);
    add("precision", scores.precision);
    add("recall", scores.recall);
    add("density", scores.density);
    add("coverage", scores.coverage);
  }
  return values;
}

}  // namespace miniray
