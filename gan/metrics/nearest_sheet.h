// Has a generator learned pictures by heart? A sheet of its pictures, each beside the training
// picture that is nearest in features and the one that is nearest in pixels.
#pragma once

#include <functional>

#include "gan/metrics/feature_network.h"
#include "gan/metrics/picture_source.h"

namespace miniray {

inline constexpr std::int64_t kNearestSamples = 64;  // that are shown, at most

// Told of feature vectors [any, features], in order.
using VectorSink = std::function<void(std::span<const float> vectors)>;

// samples: some pictures and their features [samples.count, features]. each_vector hands the
// features of all of the source's pictures to its sink. Gives three pictures for each sample: the
// sample, the nearest in features, the nearest in pixels (Euclidean, over bytes).
Images nearest_pictures(const ThreadBudget& threads, const Images& samples,
                        std::span<const float> features, const PictureSource& source,
                        const std::function<void(const VectorSink&)>& each_vector);

}  // namespace miniray
