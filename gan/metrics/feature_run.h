// All pictures of a source through a feature network: over the workers of this process and over
// the processes of a job.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "gan/metrics/feature_network.h"
#include "gan/metrics/picture_source.h"
#include "runtime/communicator.h"

namespace miniray {

struct FeatureChunk {
  std::int64_t first = 0, count = 0;
  std::vector<float> features, logits;  // [count, features], [count, classes]
};

struct FeatureWorkers {
  int workers = 1;             // of this process
  int threads_per_worker = 1;  // 0 is not allowed
};

// Told of the chunks of kFeatureChunk pictures, in order, on the calling thread.
using FeatureSink = std::function<void(const FeatureChunk& chunk)>;

// Every process of the job calls it alike; the sink of the first one is told of all pictures, the
// others' of none. The chunks are the same, bit for bit, for every number of threads, workers and
// processes. Memory: a few chunks of each worker.
void run_features(const std::shared_ptr<const FeatureNetwork>& network, const PictureSource& source,
                  const FeatureWorkers& workers, Communicator& processes, const FeatureSink& sink);

}  // namespace miniray
