#include "gan/data/epoch_batches.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "engine/error.h"
#include "engine/span.h"
#include "gan/data/batch.h"

namespace miniray {
namespace {

std::int64_t smallest_size(Communicator& communicator, std::size_t own) {
  std::int64_t smallest = static_cast<std::int64_t>(own);
  for (const std::string& size : communicator.gather(std::to_string(own))) {
    smallest = std::min<std::int64_t>(smallest, std::stoll(size));
  }
  return smallest;
}

}  // namespace

EpochBatches EpochBatches::from_shards(const Dataset& dataset, const Sharding& sharding,
                                       std::uint64_t seed, Communicator& communicator,
                                       std::int64_t epoch, std::int64_t batch_size) {
  const int rank = communicator.rank(), world_size = communicator.world_size();
  EpochBatches batches;
  batches.stream_rank_ = rank;
  batches.order_ = epoch_order(sharding(dataset, rank, world_size, epoch), seed, rank, epoch);
  batches.shard_size_ = static_cast<std::int64_t>(batches.order_.size());
  const std::int64_t smallest = smallest_size(communicator, batches.order_.size());
  if (smallest < kMinBatch) {
    throw invalid_argument("the data set " + dataset.name() + " has too few pictures for " +
                           std::to_string(world_size) + " workers: one would get " +
                           std::to_string(smallest) + ", at least 2 are needed");
  }
  for (std::int64_t begin = 0; smallest - begin >= kMinBatch; begin += batch_size) {
    const std::int64_t size = std::min(batch_size, smallest - begin);
    batches.batches_.push_back({begin, size, {0, size}});
  }
  return batches;
}

EpochBatches EpochBatches::from_global_order(const Dataset& dataset, std::uint64_t seed,
                                             const Communicator& communicator, std::int64_t epoch,
                                             std::int64_t batch_size) {
  const std::int64_t world_size = communicator.world_size();
  EpochBatches batches;
  batches.order_.resize(static_cast<std::size_t>(dataset.size()));
  std::iota(batches.order_.begin(), batches.order_.end(), 0U);
  batches.order_ = epoch_order(batches.order_, seed, 0, epoch);
  batches.shard_size_ = dataset.size() / world_size;
  std::int64_t begin = 0;
  while (true) {
    const std::int64_t size = std::min(batch_size, (dataset.size() - begin) / world_size);
    if (size < kMinBatch) break;
    const std::int64_t first = communicator.rank() * size;
    batches.batches_.push_back({begin + first, size, {first, world_size * size}});
    begin += world_size * size;
  }
  if (batches.batches_.empty()) {
    throw invalid_argument("the data set " + dataset.name() + " has too few pictures for " +
                           std::to_string(world_size) + " workers: at least 2 each are needed");
  }
  return batches;
}

Batch EpochBatches::batch(std::int64_t index) const {
  const Place& place = batches_[static_cast<std::size_t>(index)];
  return {part(std::span(order_), place.begin, place.size), place.samples, stream_rank_};
}

}  // namespace miniray
