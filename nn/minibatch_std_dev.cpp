#include "nn/minibatch_std_dev.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/error.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/reduce.h"

namespace miniray {
namespace {

constexpr std::int64_t kGroup = 4;
constexpr std::int64_t kColumns = 256;  // features of a piece
constexpr double kEpsilon = 1e-8;

std::int64_t groups_of(std::int64_t batch) { return std::max<std::int64_t>(1, batch / kGroup); }

std::int64_t samples_in(std::int64_t batch, std::int64_t group) {
  return (batch - group + groups_of(batch) - 1) / groups_of(batch);
}

// Of `width` features of a group's samples, whose first row is x and whose rows are those of
// `block`.
template <class T>
struct Deviations {
  std::array<T, kColumns> mean{}, deviation{};

  Deviations(const Block& block, const T* x) {
    const auto rows = static_cast<T>(block.rows);
    reduce<T>().add_column_sums(block, x, mean.data());
    for (T& value : mean) value /= rows;
    reduce<T>().column_squares(block, x, mean.data(), deviation.data());
    for (T& value : deviation) value = std::sqrt(value / rows + static_cast<T>(kEpsilon));
  }
};

}  // namespace

template <class T>
Shape MinibatchStdDev<T>::plan(const Shape& input, Declarations&) {
  if (input.rank() != 3) {
    throw invalid_argument("MinibatchStdDev takes pictures (channels x height x width), not " +
                           input.to_string());
  }
  features_ = input.elements();
  pixels_ = input[1] * input[2];
  return {input[0] + 1, input[1], input[2]};
}

template <class T>
std::size_t MinibatchStdDev<T>::saved_bytes(std::int64_t batch) const {
  const std::int64_t pieces = (features_ + kColumns - 1) / kColumns;
  return static_cast<std::size_t>(groups_of(batch) * pieces) * sizeof(T);
}

template <class T>
void MinibatchStdDev<T>::forward(const ForwardArgs<T>& args) const {
  const std::int64_t groups = groups_of(args.batch);
  T* const sums = reinterpret_cast<T*>(args.saved.data());  // [piece, group]
  for_each_range(args.context.threads, features_, kColumns,
                 [&](std::int64_t begin, std::int64_t width) {
                   for (std::int64_t g = 0; g < groups; ++g) {
                     const Block block{samples_in(args.batch, g), width, groups * features_};
                     const Deviations<T> d(block, args.x.data() + g * features_ + begin);
                     T sum = 0;
                     for (std::int64_t i = 0; i < width; ++i) {
                       sum += d.deviation[static_cast<std::size_t>(i)];
                     }
                     sums[begin / kColumns * groups + g] = sum;
                   }
                 });
  for (std::int64_t begin = kColumns; begin < features_; begin += kColumns) {
    for (std::int64_t g = 0; g < groups; ++g) sums[g] += sums[begin / kColumns * groups + g];
  }
  const std::int64_t out = features_ + pixels_;
  args.context.threads.for_each_tile(args.batch, [&](std::int64_t n) {
    std::ranges::copy(part(args.x, n * features_, features_),
                      part(args.y, n * out, features_).begin());
    std::ranges::fill(part(args.y, n * out + features_, pixels_),
                      sums[n % groups] / static_cast<T>(features_));
  });
}

// The deviation's derivative by one of its samples is (x - mean) / (samples deviation).
template <class T>
void MinibatchStdDev<T>::backward(const BackwardArgs<T>& args) const {
  if (args.dx.empty()) return;
  const std::int64_t groups = groups_of(args.batch), out = features_ + pixels_;
  T* const slopes = reinterpret_cast<T*>(args.saved.data());  // by group
  std::fill_n(slopes, groups, T{0});
  for (std::int64_t n = 0; n < args.batch; ++n) {
    slopes[n % groups] +=
        reduce<T>().block_sum({1, pixels_, pixels_}, args.dy.data() + n * out + features_);
  }
  for_each_range(args.context.threads, features_, kColumns,
                 [&](std::int64_t begin, std::int64_t width) {
                   for (std::int64_t g = 0; g < groups; ++g) {
                     const Block block{samples_in(args.batch, g), width, groups * features_};
                     const Deviations<T> d(block, args.x.data() + g * features_ + begin);
                     const T share = slopes[g] / static_cast<T>(features_ * block.rows);
                     for (std::int64_t n = g; n < args.batch; n += groups) {
                       const T* const x = args.x.data() + n * features_ + begin;
                       const T* const dy = args.dy.data() + n * out + begin;
                       T* const dx = args.dx.data() + n * features_ + begin;
                       for (std::int64_t i = 0; i < width; ++i) {
                         const auto at = static_cast<std::size_t>(i);
                         dx[i] = dy[i] + share * (x[i] - d.mean[at]) / d.deviation[at];
                       }
                     }
                   }
                 });
}

template class MinibatchStdDev<float>;
template class MinibatchStdDev<double>;

}  // namespace miniray
