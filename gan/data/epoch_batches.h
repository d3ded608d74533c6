// The batches of one worker in one epoch: which pictures, and how they are numbered for the random
// streams.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gan/data/dataset.h"
#include "gan/data/sharding.h"
#include "gan/step_key.h"
#include "runtime/communicator.h"

namespace miniray {

// One step's share of this worker.
struct Batch {
  std::span<const std::uint32_t> pictures;
  SampleSpan samples;  // their place in the step's random streams
  int stream_rank;     // whose random streams
};

// Every worker has the same number of batches, whatever the size of its shard.
class EpochBatches {
 public:
  static constexpr std::int64_t kMinBatch = 2;  // batch normalisation has no variance of one

  // A collective. Worker by worker: each shuffles its own shard and cuts it into batches. The
  // smallest shard decides the number of steps; larger ones leave other pictures out each epoch. A
  // last batch of fewer than kMinBatch is left out.
  static EpochBatches from_shards(const Dataset& dataset, const Sharding& sharding,
                                  std::uint64_t seed, Communicator& communicator,
                                  std::int64_t epoch, std::int64_t batch_size);

  // All workers share one order of all pictures; each takes its part of every batch of
  // world size x batch_size, and its part of the whole batch's random streams. So the numbers are
  // those of one worker with the whole batch. What the world size does not divide is left out.
  static EpochBatches from_global_order(const Dataset& dataset, std::uint64_t seed,
                                        const Communicator& communicator, std::int64_t epoch,
                                        std::int64_t batch_size);

  std::int64_t count() const { return static_cast<std::int64_t>(batches_.size()); }
  Batch batch(std::int64_t index) const;
  // How many pictures are this worker's; the last few may have no batch.
  std::int64_t shard_size() const { return shard_size_; }

 private:
  struct Place {
    std::int64_t begin, size;  // in order_
    SampleSpan samples;
  };
  std::vector<std::uint32_t> order_;
  std::vector<Place> batches_;
  int stream_rank_ = 0;
  std::int64_t shard_size_ = 0;
};

}  // namespace miniray
