// Convolutions of one tap: every picture [channels, pixels] is the second operand of a product of
// matrices, and the target its result, so that nothing is transposed.
#pragma once

#include <span>

#include "engine/kernels/conv_gather.h"

namespace miniray {

// Whether gather_pointwise serves this gather, and is the faster way.
bool is_pointwise(const Gather& gather);

// As gather (conv_gather.h), of pictures stored as T.
template <class T>
void gather_pointwise(const ThreadBudget& threads, const Gather& gather, std::span<const T> source,
                      std::span<const T> w, std::span<const T> bias, std::span<T> target);

}  // namespace miniray
