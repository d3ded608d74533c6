#include "nn/adam.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "engine/error.h"
#include "engine/kernels/adam.h"

namespace miniray {
namespace {

constexpr std::int64_t kElementsPerTile = 65536;

}  // namespace

template <class T>
Adam<T>::Adam(const AdamOptions& options, std::int64_t size, const MomentOptions& moments)
    : options_(options),
      moments_(moments),
      m_(rounds() ? 0 : size),
      v_(rounds() ? 0 : size),
      rounded_m_(rounds() ? size : 0),
      rounded_v_(rounds() ? size : 0) {
  if (rounds() && !std::is_same_v<T, float>) {
    throw invalid_argument("only moments of floats are stored as bfloat16");
  }
}

template <class T>
ParameterUpdate<T> Adam<T>::begin_update(std::span<T> parameters) {
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const AdamFactors<T> factors{
      .beta1 = static_cast<T>(options_.beta1),
      .beta2 = static_cast<T>(options_.beta2),
      .epsilon = static_cast<T>(options_.epsilon),
      .rest1 = static_cast<T>(1 - options_.beta1),
      .rest2 = static_cast<T>(1 - options_.beta2),
      .step_size = static_cast<T>(options_.lr * lr_factor_ / (1 - std::pow(options_.beta1, t))),
      .inverse_root_bias2 = static_cast<T>(1 / std::sqrt(1 - std::pow(options_.beta2, t))),
  };
  if (!rounds()) return {factors, {parameters, m_.span(), v_.span()}};
  RandomKey key = moments_.random;
  key.step = static_cast<std::uint32_t>(steps_);
  const RandomBlock bits = random_block(key, 0);
  return {factors,
          {parameters, {}, {}, {rounded_m_.span(), rounded_v_.span(), {bits[0], bits[1]}}}};
}

template <class T>
void Adam<T>::step(const ThreadBudget& threads, std::span<T> parameters, std::span<T> gradients) {
  const ParameterUpdate<T> update = begin_update(parameters);
  for_each_range(threads, static_cast<std::int64_t>(parameters.size()), kElementsPerTile,
                 [&](std::int64_t begin, std::int64_t size) {
                   adam_update(update.factors, part(update.buffers, begin, size),
                               part(gradients, begin, size));
                 });
}

template <class T>
void Adam<T>::reset() {
  steps_ = 0;
  for (const StoredSpan<T> moment : {first_moment(), second_moment()}) {
    set_to_zero(moment);
  }
}

template class Adam<float>;
template class Adam<double>;

}  // namespace miniray
