#include "nn/loss.h"

#include <algorithm>
#include <cmath>

namespace miniray {
namespace {

double sigmoid(double logit) { return 1 / (1 + std::exp(-logit)); }

}  // namespace

template <class T>
double bce_with_logits(std::span<const T> logits, double target, std::span<T> dlogits) {
  const auto count = static_cast<double>(logits.size());
  double sum = 0;
  for (const T value : logits) {
    const double logit = value;
    sum += std::max(logit, 0.0) - logit * target + std::log1p(std::exp(-std::abs(logit)));
  }
  for (std::size_t i = 0; i < dlogits.size(); ++i) {
    dlogits[i] = static_cast<T>((sigmoid(logits[i]) - target) / count);
  }
  return sum / count;
}

template <class T>
double hinge(std::span<const T> logits, double sign, std::span<T> dlogits) {
  const auto count = static_cast<double>(logits.size());
  double sum = 0;
  for (const T logit : logits) sum += std::max(0.0, 1 - sign * logit);
  for (std::size_t i = 0; i < dlogits.size(); ++i) {
    dlogits[i] = static_cast<T>(sign * logits[i] < 1 ? -sign / count : 0);
  }
  return sum / count;
}

template <class T>
double half_squared_error(std::span<const T> logits, double target, std::span<T> dlogits) {
  const auto count = static_cast<double>(logits.size());
  double sum = 0;
  for (const T logit : logits) sum += (logit - target) * (logit - target) / 2;
  for (std::size_t i = 0; i < dlogits.size(); ++i) {
    dlogits[i] = static_cast<T>((logits[i] - target) / count);
  }
  return sum / count;
}

template <class T>
double scaled_mean(std::span<const T> logits, double factor, std::span<T> dlogits) {
  const auto count = static_cast<double>(logits.size());
  double sum = 0;
  for (const T logit : logits) sum += logit;
  std::ranges::fill(dlogits, static_cast<T>(factor / count));
  return factor * sum / count;
}

template <class T>
double mean_probability(std::span<const T> logits) {
  double sum = 0;
  for (const T logit : logits) sum += sigmoid(logit);
  return sum / static_cast<double>(logits.size());
}

template <class T>
double softmax_cross_entropy(std::span<const T> logits, std::span<const std::int32_t> labels,
                             std::span<T> dlogits) {
  const std::size_t classes = logits.size() / labels.size();
  const auto count = static_cast<double>(labels.size());
  double sum = 0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const std::span<const T> row = logits.subspan(n * classes, classes);
    const auto label = static_cast<std::size_t>(labels[n]);
    const double largest = std::ranges::max(row);
    double scale = 0;
    for (const T logit : row) scale += std::exp(logit - largest);
    sum += std::log(scale) + largest - row[label];
    if (dlogits.empty()) continue;
    for (std::size_t c = 0; c < classes; ++c) {
      const double probability = std::exp(row[c] - largest) / scale;
      dlogits[n * classes + c] = static_cast<T>((probability - (c == label ? 1 : 0)) / count);
    }
  }
  return sum / count;
}

template double softmax_cross_entropy(std::span<const float>, std::span<const std::int32_t>,
                                      std::span<float>);
template double softmax_cross_entropy(std::span<const double>, std::span<const std::int32_t>,
                                      std::span<double>);
template double bce_with_logits(std::span<const float>, double, std::span<float>);
template double bce_with_logits(std::span<const double>, double, std::span<double>);
template double hinge(std::span<const float>, double, std::span<float>);
template double hinge(std::span<const double>, double, std::span<double>);
template double half_squared_error(std::span<const float>, double, std::span<float>);
template double half_squared_error(std::span<const double>, double, std::span<double>);
template double scaled_mean(std::span<const float>, double, std::span<float>);
template double scaled_mean(std::span<const double>, double, std::span<double>);
template double mean_probability(std::span<const float>);
template double mean_probability(std::span<const double>);

}  // namespace miniray
