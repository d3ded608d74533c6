// Batches: pictures of a data set as floats in [-1, 1], the range of the generator's Tanh.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/parallel.h"
#include "engine/rng.h"
#include "gan/data/dataset.h"

namespace miniray {

enum class Flip { kNever, kRandom };

// batch[n] = picture indices[n], mirrored left to right with probability 1/2 where asked, decided
// by element first + n of the stream `key`. batch holds indices.size() samples.
void fill_batch(const ThreadBudget& threads, const Dataset& dataset,
                std::span<const std::uint32_t> indices, Flip flip, const RandomKey& key,
                std::int64_t first, std::span<float> batch);

// The order in which a worker sees its pictures in one epoch: a permutation of `shard`.
std::vector<std::uint32_t> epoch_order(std::span<const std::uint32_t> shard, std::uint64_t seed,
                                       int rank, std::int64_t epoch);

}  // namespace miniray
