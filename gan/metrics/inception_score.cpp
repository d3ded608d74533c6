#include "gan/metrics/inception_score.h"

#include <algorithm>
#include <cmath>

namespace miniray {

InceptionScoreBuilder::InceptionScoreBuilder(std::int64_t classes, std::int64_t count)
    : classes_(classes),
      count_(count),
      splits_(static_cast<std::size_t>(std::min(kSplits, count))) {
  for (Split& split : splits_) split.probabilities.resize(static_cast<std::size_t>(classes));
}

void InceptionScoreBuilder::add(std::span<const float> logits) {
  const auto classes = static_cast<std::size_t>(classes_);
  for (; !logits.empty(); logits = logits.subspan(classes), ++next_) {
    const auto row = logits.first(classes);
    const auto splits = static_cast<std::int64_t>(splits_.size());
    const std::int64_t index = ((next_ + 1) * splits - 1) / count_;
    Split& split = splits_[static_cast<std::size_t>(index)];
    const double largest = std::ranges::max(row);
    double scale = 0;
    for (const float logit : row) scale += std::exp(logit - largest);
    for (std::size_t c = 0; c < classes; ++c) {
      const double log_probability = row[c] - largest - std::log(scale);
      const double probability = std::exp(log_probability);
      split.probabilities[c] += probability;
      split.negative_entropies += probability * log_probability;
    }
    ++split.count;
  }
}

Score InceptionScoreBuilder::finish() const {
  double sum = 0, squares = 0;
  for (const Split& split : splits_) {
    const auto count = static_cast<double>(split.count);
    double divergence = split.negative_entropies / count;
    for (const double total : split.probabilities) {
      const double probability = total / count;
      if (probability > 0) divergence -= probability * std::log(probability);
    }
    sum += std::exp(divergence);
    squares += std::exp(2 * divergence);
  }
  const auto count = static_cast<double>(splits_.size());
  const double mean = sum / count;
  return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean))};
}

}  // namespace miniray
