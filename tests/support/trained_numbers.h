// All numbers that a training ends with, to compare two of them bit by bit.
#pragma once

#include <vector>

#include "gan/trainer.h"

namespace miniray::testing {

inline void append(const Network<float>& network, std::vector<float>& numbers) {
  for (const auto buffer : {network.parameters(), network.statistics()}) {
    numbers.insert(numbers.end(), buffer.begin(), buffer.end());
  }
}

// Every worker's networks after and before the last average, and the averages over steps.
inline std::vector<float> numbers_of(const DistributedGanTrainer& trainer) {
  std::vector<float> numbers;
  for (const Replica* worker : trainer.workers()) {
    append(worker->state().generator, numbers);
    append(worker->state().discriminator, numbers);
    if (worker->state().generator_average) append(*worker->state().generator_average, numbers);
    if (!worker->own_networks()) continue;
    append(worker->own_networks()->generator, numbers);
    append(worker->own_networks()->discriminator, numbers);
  }
  return numbers;
}

}  // namespace miniray::testing
