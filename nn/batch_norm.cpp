#include "nn/batch_norm.h"

#include <array>
#include <cmath>

#include "engine/error.h"
#include "engine/kernels/norm.h"
#include "engine/kernels/reduce.h"
#include "nn/batch_norm_saved.h"

namespace miniray {
namespace {

constexpr double kMomentum = 0.1;
constexpr std::int64_t kColumnsPerTile = 64;

}  // namespace

template <class T>
void BatchNorm<T>::declare(std::int64_t features, std::int64_t values, const Shape& affine,
                           Declarations& declarations) {
  features_ = features;
  values_ = values;
  weight_ = declarations.parameter("weight", affine, Init::constant(1));
  bias_ = declarations.parameter("bias", affine, Init::constant(0));
  running_mean_ = declarations.statistic("running_mean", {features}, Init::constant(0));
  running_var_ = declarations.statistic("running_var", {features}, Init::constant(1));
}

template <class T>
std::size_t BatchNorm<T>::saved_bytes(std::int64_t) const {
  return 3 * static_cast<std::size_t>(features_) * sizeof(T);
}

template <class T>
void BatchNorm<T>::check_batch(const ForwardArgs<T>& args) const {
  if (args.context.training && args.batch * values_ < 2) {
    throw invalid_argument(this->kind() + " cannot train on a batch of 1: it has no variance");
  }
}

template <class T>
void BatchNorm<T>::take_channel_statistics(const ForwardArgs<T>& args, std::int64_t c,
                                           const Block& block, const T* x,
                                           const SavedForWriting<T>& saved) const {
  const auto count = static_cast<T>(args.batch * values_);
  if (args.context.training) {
    saved.mean[c] = reduce<T>().block_sum(block, x) / count;
    saved.variance[c] = reduce<T>().block_squares(block, x, saved.mean[c]) / count;
  } else {
    saved.mean[c] = slice_of(args.statistics, running_mean_).data()[c];
    saved.variance[c] = slice_of(args.statistics, running_var_).data()[c];
  }
  saved.inverse_deviation[c] = 1 / std::sqrt(saved.variance[c] + static_cast<T>(kBatchNormEpsilon));
}

template <class T>
void BatchNorm<T>::take_update(const BackwardArgs<T>& args) const {
  if (args.update == nullptr || args.gradients.empty()) return;
  args.update->take(weight_, args.gradients);
  args.update->take(bias_, args.gradients);
}

template <class T>
void BatchNorm<T>::update_statistics(std::int64_t batch, std::span<const std::byte> bytes,
                                     std::span<T> statistics) const {
  const SavedForReading<T> saved(bytes, features_);
  const auto momentum = static_cast<T>(kMomentum);
  const auto count = static_cast<T>(batch * values_);
  const T unbiased = count / (count - 1);
  T* const running_mean = slice_of(statistics, running_mean_).data();
  T* const running_var = slice_of(statistics, running_var_).data();
  for (std::int64_t c = 0; c < features_; ++c) {
    running_mean[c] = (1 - momentum) * running_mean[c] + momentum * saved.mean[c];
    running_var[c] = (1 - momentum) * running_var[c] + momentum * unbiased * saved.variance[c];
  }
}

template <class T>
Shape BatchNorm1d<T>::plan(const Shape& input, Declarations& declarations) {
  if (input.rank() != 1) {
    throw invalid_argument("BatchNorm1d takes samples of one extent, not " + input.to_string());
  }
  this->declare(input[0], 1, input, declarations);
  return input;
}

template <class T>
void BatchNorm1d<T>::forward(const ForwardArgs<T>& args) const {
  this->check_batch(args);
  const SavedForWriting<T> saved(args.saved, this->features_);
  const T* const weight = slice_of(args.parameters, this->weight_).data();
  const T* const bias = slice_of(args.parameters, this->bias_).data();
  const T* const running_mean = slice_of(args.statistics, this->running_mean_).data();
  const T* const running_var = slice_of(args.statistics, this->running_var_).data();
  for_each_range(args.context.threads, this->features_, kColumnsPerTile,
                 [&](std::int64_t c, std::int64_t width) {
                   const Block block{args.batch, width, this->features_};
                   T* const mean = saved.mean + c;
                   T* const inverse_deviation = saved.inverse_deviation + c;
                   if (args.context.training) {
                     column_statistics(block, args.x.data() + c, static_cast<T>(kBatchNormEpsilon),
                                       mean, saved.variance + c, inverse_deviation);
                   } else {
                     for (std::int64_t i = 0; i < width; ++i) {
                       mean[i] = running_mean[c + i];
                       inverse_deviation[i] =
                           1 / std::sqrt(running_var[c + i] + static_cast<T>(kBatchNormEpsilon));
                     }
                   }
                   norm<T>().normalise(block, args.x.data() + c, mean, inverse_deviation,
                                       weight + c, bias + c, args.y.data() + c);
                 });
}

// With u = (x - mean) / deviation and averages over the batch:
// dx = weight / deviation (dy - average(dy) - u average(dy u)); the averages are constants, and
// their terms vanish, where the running statistics were used.
template <class T>
void BatchNorm1d<T>::backward(const BackwardArgs<T>& args) const {
  const SavedForReading<T> saved(args.saved, this->features_);
  const T* const weight = slice_of(args.parameters, this->weight_).data();
  const T share = args.context.training ? 1 / static_cast<T>(args.batch) : T{0};
  for_each_range(args.context.threads, this->features_, kColumnsPerTile,
                 [&](std::int64_t c, std::int64_t width) {
                   const Block block{args.batch, width, this->features_};
                   const T* const x = args.x.data() + c;
                   const T* const dy = args.dy.data() + c;
                   std::array<T, kColumnsPerTile> sum_dy{}, sum_dyx{}, scale{}, a{}, b{};
                   reduce<T>().add_column_sums(block, dy, sum_dy.data());
                   reduce<T>().column_products(block, x, saved.mean + c, dy, sum_dyx.data());
                   for (std::size_t i = 0; i < static_cast<std::size_t>(width); ++i) {
                     const T inverse_deviation =
                         saved.inverse_deviation[c + static_cast<std::int64_t>(i)];
                     scale[i] = weight[c + static_cast<std::int64_t>(i)] * inverse_deviation;
                     a[i] = share * sum_dy[i];
                     b[i] = share * sum_dyx[i] * inverse_deviation * inverse_deviation;
                   }
                   if (!args.dx.empty()) {
                     norm<T>().backward_input(block, x, dy, saved.mean + c, scale.data(), a.data(),
                                              b.data(), args.dx.data() + c);
                   }
                   if (args.gradients.empty()) return;  // of this tile
                   T* const dweight = slice_of(args.gradients, this->weight_).data() + c;
                   T* const dbias = slice_of(args.gradients, this->bias_).data() + c;
                   for (std::int64_t i = 0; i < width; ++i) {
                     const auto at = static_cast<std::size_t>(i);
                     dweight[i] += sum_dyx[at] * saved.inverse_deviation[c + i];
                     dbias[i] += sum_dy[at];
                   }
                 });
  this->take_update(args);
}

template class BatchNorm<float>;
template class BatchNorm<double>;
template class BatchNorm1d<float>;
template class BatchNorm1d<double>;

}  // namespace miniray
