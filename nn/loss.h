// Losses over logits: the discriminator's, and a classifier's. Sums are taken in double, in order,
// by the calling thread.
#pragma once

#include <cstdint>
#include <span>

namespace miniray {

// The mean over the batch of the binary cross-entropy between sigmoid(logit) and `target`, in the
// form that does not overflow: max(l, 0) - l t + log(1 + exp(-|l|)).
// dlogits = the gradient of that mean: (sigmoid(l) - t) / N; empty: not wanted.
template <class T>
double bce_with_logits(std::span<const T> logits, double target, std::span<T> dlogits);

// The mean of max(0, 1 - sign l), sign 1 or -1; its gradient is 0 or -sign / N.
template <class T>
double hinge(std::span<const T> logits, double sign, std::span<T> dlogits);

// The mean of (l - target)^2 / 2; its gradient is (l - target) / N.
template <class T>
double half_squared_error(std::span<const T> logits, double target, std::span<T> dlogits);

// The mean of factor l; its gradient is factor / N.
template <class T>
double scaled_mean(std::span<const T> logits, double factor, std::span<T> dlogits);

// The mean of sigmoid(logit): what the discriminator thinks of the batch.
template <class T>
double mean_probability(std::span<const T> logits);

// The mean over the batch of -log softmax(logits)[label], logits [N, classes], labels [N] below
// classes. dlogits = the gradient of that mean: (softmax - one-hot) / N; empty: not wanted.
template <class T>
double softmax_cross_entropy(std::span<const T> logits, std::span<const std::int32_t> labels,
                             std::span<T> dlogits);

}  // namespace miniray
