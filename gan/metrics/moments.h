// Mean and covariance of feature vectors, streamed: the memory is that of one block and of the
// covariance, whatever the number of vectors.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/parallel.h"

namespace miniray {

struct Moments {
  std::int64_t count = 0;
  std::vector<double> mean;        // [features]
  std::vector<double> covariance;  // [features, features], unbiased

  std::int64_t features() const { return static_cast<std::int64_t>(mean.size()); }
};

// Vectors are taken in blocks of kBlock by their place in the stream, and blocks are joined in
// order (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979): so the bits depend neither on threads nor on how the stream was cut.
class MomentsBuilder {
 public:
  static constexpr std::int64_t kBlock = 256;

  // `threads` must outlive this.
  MomentsBuilder(const ThreadBudget& threads, std::int64_t features);

  // The next vectors, [n, features].
  void add(std::span<const float> vectors);
  // Of all that were added; none may follow. Throws invalid argument where there are fewer than
  // features + 1: their covariance would be singular.
  Moments finish();

 private:
  void join_block();

  const ThreadBudget& threads_;
  const std::int64_t features_;
  std::int64_t count_ = 0;              // of joined blocks
  std::int64_t block_count_ = 0;        // of the block in hand
  std::vector<double> block_;           // [kBlock, features]
  std::vector<double> mean_, squares_;  // squares: sums of products of distances from the mean
};

// How many vectors a covariance needs.
constexpr std::int64_t least_vectors(std::int64_t features) { return features + 1; }

}  // namespace miniray
