#include "gan/metrics/feature_statistics.h"

#include <algorithm>

#include "engine/span.h"

namespace miniray {

StatisticsBuilder::StatisticsBuilder(const ThreadBudget& threads, const FeatureNetwork& network,
                                     std::int64_t count)
    : features_(network.features()), count_(count), inception_score_(network.classes(), count) {
  if (count >= least_vectors(features_)) moments_.emplace(threads, features_);
  kept_.reserve(static_cast<std::size_t>(std::min(kKeptVectors, count) * features_));
}

void StatisticsBuilder::add(const FeatureChunk& chunk) {
  if (moments_) moments_->add(chunk.features);
  inception_score_.add(chunk.logits);
  keep(chunk);
}

void StatisticsBuilder::keep(const FeatureChunk& chunk) {
  const std::int64_t wanted = std::min(kKeptVectors, count_);
  const auto next = [&] { return kept_count_ * count_ / wanted; };
  for (; kept_count_ < wanted && next() < chunk.first + chunk.count; ++kept_count_) {
    const auto row =
        part(std::span<const float>(chunk.features), (next() - chunk.first) * features_, features_);
    kept_.insert(kept_.end(), row.begin(), row.end());
  }
}

FeatureStatistics StatisticsBuilder::finish() {
  FeatureStatistics statistics{count_, {}, std::move(kept_), inception_score_.finish()};
  if (moments_) statistics.moments = moments_->finish();
  return statistics;
}

}  // namespace miniray
