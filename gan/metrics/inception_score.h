// The Inception Score exp(E KL(p(y|x) || p(y))) of Salimans et al. (arXiv 1606.03498), streamed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gan/metrics/kernel_distance.h"

namespace miniray {

// The mean and deviation over kSplits consecutive parts of the pictures, each with its own p(y):
// part i begins at picture i * count / kSplits, rounded down, as in the common programs.
class InceptionScoreBuilder {
 public:
  static constexpr std::int64_t kSplits = 10;

  // count: the pictures that will come, at least 1.
  InceptionScoreBuilder(std::int64_t classes, std::int64_t count);

  // The logits of the next pictures [n, classes].
  void add(std::span<const float> logits);
  Score finish() const;

 private:
  struct Split {
    std::int64_t count = 0;
    double negative_entropies = 0;  // sums of p log p
    std::vector<double> probabilities;
  };

  const std::int64_t classes_, count_;
  std::int64_t next_ = 0;
  std::vector<Split> splits_;
};

}  // namespace miniray
