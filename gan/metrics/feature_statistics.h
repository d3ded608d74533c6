// What metrics need to know of a set of pictures: its moments, and the feature vectors of some.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gan/metrics/feature_run.h"
#include "gan/metrics/inception_score.h"
#include "gan/metrics/moments.h"

namespace miniray {

struct FeatureStatistics {
  std::int64_t count = 0;          // pictures
  std::optional<Moments> moments;  // empty where they are too few (least_vectors)
  std::vector<float> kept;         // [some, features]
  std::optional<Score> inception_score;
};

// The vectors that are kept for the metrics between vectors: of `count` pictures kKeptVectors at
// most, evenly spread.
inline constexpr std::int64_t kKeptVectors = 10'000;

class StatisticsBuilder {
 public:
  // Of `count` pictures, at least 1. References must outlive this.
  StatisticsBuilder(const ThreadBudget& threads, const FeatureNetwork& network, std::int64_t count);

  // The next pictures, in order.
  void add(const FeatureChunk& chunk);
  // Once all were added.
  FeatureStatistics finish();

 private:
  void keep(const FeatureChunk& chunk);

  const std::int64_t features_, count_;
  std::optional<MomentsBuilder> moments_;
  InceptionScoreBuilder inception_score_;
  std::vector<float> kept_;
  std::int64_t kept_count_ = 0;
};

}  // namespace miniray
