// The metrics by name, of pictures against reference pictures.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gan/metrics/feature_statistics.h"

namespace miniray {

struct MetricSelection {
  bool fid = false, kid = false, is = false, prdc = false;
};

// "fid,kid,is,prdc" or some of these. Throws invalid argument, naming a word that is none.
MetricSelection parse_metrics(std::string_view text);

// Throws invalid argument, saying how many are needed, where `count` pictures, named `what`, are
// too few for a metric.
void check_count(const MetricSelection& metrics, const FeatureNetwork& network, std::int64_t count,
                 const std::string& what);

struct MetricValue {
  std::string name;  // with the network's suffix: "fid-builtin", "precision-builtin"
  double value = 0;
  std::optional<double> deviation{};  // over the parts that it is a mean of, if several
};

// In the order fid, kid, is, precision, recall, density, coverage.
std::vector<MetricValue> compare(const ThreadBudget& threads, const MetricSelection& metrics,
                                 const FeatureNetwork& network, const FeatureStatistics& reference,
                                 const FeatureStatistics& samples);

}  // namespace miniray
