#include "nn/batch_norm.h"

#include <array>
#include <cmath>

#include "engine/error.h"
#include "engine/kernels/norm.h"
#include "engine/kernels/reduce.h"

namespace miniray {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;
constexpr std::int64_t kColumnsPerTile = 64;

// Three arrays of `features` numbers, one after the other.
template <class Byte, class T>
struct Saved {
  Saved(std::span<Byte> bytes, std::int64_t features)
      : mean(reinterpret_cast<T*>(bytes.data())),
        variance(mean + features),
        inverse_deviation(variance + features) {}
  T *mean, *variance, *inverse_deviation;
};
template <class T>
using SavedForWriting = Saved<std::byte, T>;
template <class T>
using SavedForReading = Saved<const std::byte, const T>;

}  // namespace

template <class T>
Shape BatchNorm1d<T>::plan(const Shape& input, Declarations& declarations) {
  if (input.rank() != 1) {
    throw invalid_argument("BatchNorm1d takes samples of one extent, not " + input.to_string());
  }
  features_ = input[0];
  weight_ = declarations.parameter("weight", input, Init::constant(1));
  bias_ = declarations.parameter("bias", input, Init::constant(0));
  running_mean_ = declarations.statistic("running_mean", input, Init::constant(0));
  running_var_ = declarations.statistic("running_var", input, Init::constant(1));
  return input;
}

template <class T>
std::size_t BatchNorm1d<T>::saved_bytes(std::int64_t) const {
  return 3 * static_cast<std::size_t>(features_) * sizeof(T);
}

template <class T>
void BatchNorm1d<T>::forward(const ForwardArgs<T>& args) const {
  if (args.context.training && args.batch < 2) {
    throw invalid_argument("BatchNorm1d cannot train on a batch of 1: it has no variance");
  }
  const SavedForWriting<T> saved(args.saved, features_);
  const T* const weight = slice_of(args.parameters, weight_).data();
  const T* const bias = slice_of(args.parameters, bias_).data();
  const T* const running_mean = slice_of(args.statistics, running_mean_).data();
  const T* const running_var = slice_of(args.statistics, running_var_).data();
  for_each_range(
      args.context.threads, features_, kColumnsPerTile, [&](std::int64_t c, std::int64_t width) {
        const Block block{args.batch, width, features_};
        T* const mean = saved.mean + c;
        T* const inverse_deviation = saved.inverse_deviation + c;
        if (args.context.training) {
          column_statistics(block, args.x.data() + c, static_cast<T>(kEpsilon), mean,
                            saved.variance + c, inverse_deviation);
        } else {
          for (std::int64_t i = 0; i < width; ++i) {
            mean[i] = running_mean[c + i];
            inverse_deviation[i] = 1 / std::sqrt(running_var[c + i] + static_cast<T>(kEpsilon));
          }
        }
        norm<T>().normalise(block, args.x.data() + c, mean, inverse_deviation, weight + c, bias + c,
                            args.y.data() + c);
      });
}

// With u = (x - mean) / deviation and averages over the batch:
// dx = weight / deviation (dy - average(dy) - u average(dy u)); the averages are constants, and
// their terms vanish, where the running statistics were used.
template <class T>
void BatchNorm1d<T>::backward(const BackwardArgs<T>& args) const {
  const SavedForReading<T> saved(args.saved, features_);
  const T* const weight = slice_of(args.parameters, weight_).data();
  const T share = args.context.training ? 1 / static_cast<T>(args.batch) : T{0};
  for_each_range(
      args.context.threads, features_, kColumnsPerTile, [&](std::int64_t c, std::int64_t width) {
        const Block block{args.batch, width, features_};
        const T* const x = args.x.data() + c;
        const T* const dy = args.dy.data() + c;
        std::array<T, kColumnsPerTile> sum_dy{}, sum_dyx{}, scale{}, a{}, b{};
        reduce<T>().add_column_sums(block, dy, sum_dy.data());
        reduce<T>().column_products(block, x, saved.mean + c, dy, sum_dyx.data());
        for (std::size_t i = 0; i < static_cast<std::size_t>(width); ++i) {
          const T inverse_deviation = saved.inverse_deviation[c + static_cast<std::int64_t>(i)];
          scale[i] = weight[c + static_cast<std::int64_t>(i)] * inverse_deviation;
          a[i] = share * sum_dy[i];
          b[i] = share * sum_dyx[i] * inverse_deviation * inverse_deviation;
        }
        if (!args.dx.empty()) {
          norm<T>().backward_input(block, x, dy, saved.mean + c, scale.data(), a.data(), b.data(),
                                   args.dx.data() + c);
        }
        if (args.gradients.empty()) return;  // of this tile
        T* const dweight = slice_of(args.gradients, weight_).data() + c;
        T* const dbias = slice_of(args.gradients, bias_).data() + c;
        for (std::int64_t i = 0; i < width; ++i) {
          const auto at = static_cast<std::size_t>(i);
          dweight[i] += sum_dyx[at] * saved.inverse_deviation[c + i];
          dbias[i] += sum_dy[at];
        }
      });
  if (args.update == nullptr) return;
  args.update->take(weight_, args.gradients);
  args.update->take(bias_, args.gradients);
}

template <class T>
void BatchNorm1d<T>::update_statistics(std::int64_t batch, std::span<const std::byte> bytes,
                                       std::span<T> statistics) const {
  const SavedForReading<T> saved(bytes, features_);
  const auto momentum = static_cast<T>(kMomentum);
  const T unbiased = static_cast<T>(batch) / static_cast<T>(batch - 1);
  T* const running_mean = slice_of(statistics, running_mean_).data();
  T* const running_var = slice_of(statistics, running_var_).data();
  for (std::int64_t c = 0; c < features_; ++c) {
    running_mean[c] = (1 - momentum) * running_mean[c] + momentum * saved.mean[c];
    running_var[c] = (1 - momentum) * running_var[c] + momentum * unbiased * saved.variance[c];
  }
}

template class BatchNorm1d<float>;
template class BatchNorm1d<double>;

}  // namespace miniray
