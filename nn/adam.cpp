#include "nn/adam.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/adam.h"

namespace miniray {
namespace {

constexpr std::int64_t kElementsPerTile = 65536;

}  // namespace

template <class T>
Adam<T>::Adam(const AdamOptions& options, std::int64_t size)
    : options_(options), m_(size), v_(size) {}

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
  return {factors, {parameters, m_.span(), v_.span()}};
}

template <class T>
void Adam<T>::step(const ThreadBudget& threads, std::span<T> parameters, std::span<T> gradients) {
  const AdamFactors<T> factors = begin_update(parameters).factors;
  for_each_range(threads, static_cast<std::int64_t>(parameters.size()), kElementsPerTile,
                 [&](std::int64_t begin, std::int64_t size) {
                   adam_update(factors, part(parameters, begin, size), part(gradients, begin, size),
                               part(m_.span(), begin, size), part(v_.span(), begin, size));
                 });
}

template <class T>
void Adam<T>::reset() {
  steps_ = 0;
  for (const std::span<T> moment : {m_.span(), v_.span()}) std::ranges::fill(moment, T{0});
}

template class Adam<float>;
template class Adam<double>;

}  // namespace miniray
