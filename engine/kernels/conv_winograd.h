// Convolutions by Winograd's filtering (winograd.h): kernels of two or three times the stride, such
// as 3x3 of stride 1 and 4x4 of stride 2, of as many channels as fill vectors, whose targets are an
// even number of rows and columns in every phase. Sums differ from the plain way's in their last
// bits; they do not depend on threads, nor on the pictures around. So neither does the choice, and
// one picture pays for turning the weights as a batch does.
#pragma once

#include <cstdint>
#include <span>

#include "engine/kernels/conv_gather.h"

namespace miniray {

// Whether gather_winograd serves this gather, and for a batch is the faster way.
bool is_winograd(const Gather& gather);

// As gather (conv_gather.h).
template <class T>
void gather_winograd(const ThreadBudget& threads, const Gather& gather, Pictures<const T> source,
                     std::span<const T> w, std::span<const T> bias, Pictures<T> target);

// As convolve_weights_add (conv.h), of a shape whose gather_of_convolution is_winograd.
template <class T>
void winograd_weights_add(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> x,
                          Pictures<const T> y, std::span<T> w);

}  // namespace miniray
