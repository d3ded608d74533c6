#include "gan/metrics/moments.h"

#include <algorithm>
#include <string>

#include "engine/error.h"
#include "engine/kernels/gemm.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kRowsPerTile = 32;

}  // namespace

MomentsBuilder::MomentsBuilder(const ThreadBudget& threads, std::int64_t features)
    : threads_(threads),
      features_(features),
      block_(static_cast<std::size_t>(kBlock * features)),
      mean_(static_cast<std::size_t>(features)),
      squares_(static_cast<std::size_t>(features * features)) {}

void MomentsBuilder::add(std::span<const float> vectors) {
  while (!vectors.empty()) {
    const std::int64_t rows =
        std::min(kBlock - block_count_, static_cast<std::int64_t>(vectors.size()) / features_);
    std::ranges::copy(part(vectors, 0, rows * features_),
                      block_.begin() + block_count_ * features_);
    vectors = vectors.subspan(static_cast<std::size_t>(rows * features_));
    block_count_ += rows;
    if (block_count_ == kBlock) join_block();
  }
}

void MomentsBuilder::join_block() {
  const std::span<double> block = part(std::span(block_), 0, block_count_ * features_);
  const auto size = static_cast<std::size_t>(features_);
  const auto count = static_cast<double>(count_), added = static_cast<double>(block_count_);
  std::vector<double> mean(size), step(size);
  for (std::size_t i = 0; i < block.size(); ++i) mean[i % size] += block[i];
  for (std::size_t f = 0; f < size; ++f) mean[f] /= added;
  for (std::size_t i = 0; i < block.size(); ++i) block[i] -= mean[i % size];
  gemm_tn_add<double>(threads_, {features_, features_, block_count_}, block, block, squares_);
  for (std::size_t f = 0; f < size; ++f) step[f] = mean[f] - mean_[f];
  const double weight = count * added / (count + added);
  for_each_range(threads_, features_, kRowsPerTile, [&](std::int64_t first, std::int64_t rows) {
    for (std::int64_t row = first; row < first + rows; ++row) {
      const double factor = weight * step[static_cast<std::size_t>(row)];
      double* const to = squares_.data() + row * features_;
      for (std::size_t f = 0; f < size; ++f) to[f] += factor * step[f];
    }
  });
  for (std::size_t f = 0; f < size; ++f) mean_[f] += step[f] * added / (count + added);
  count_ += block_count_;
  block_count_ = 0;
}

Moments MomentsBuilder::finish() {
  if (block_count_ > 0) join_block();
  if (count_ < least_vectors(features_)) {
    throw invalid_argument("a covariance of " + std::to_string(features_) +
                           " features needs at least " + std::to_string(least_vectors(features_)) +
                           " pictures, not " + std::to_string(count_));
  }
  for (double& value : squares_) value /= static_cast<double>(count_ - 1);
  return {count_, std::move(mean_), std::move(squares_)};
}

}  // namespace miniray
