// Gathers for a few target channels, such as the pixels of a picture: there the panels of
// conv_gather.cpp would be nearly empty. Pixels are the columns of the product instead, and weights
// are broadcast.
#pragma once

#include <span>

#include "engine/kernels/conv_gather.h"

namespace miniray {

// Whether gather_narrow serves this gather, and is the faster way.
bool is_narrow(const Gather& gather);

// As gather (conv_gather.h).
template <class T>
void gather_narrow(const ThreadBudget& threads, const Gather& gather, Pictures<const T> source,
                   std::span<const T> w, std::span<const T> bias, Pictures<T> target);

}  // namespace miniray
