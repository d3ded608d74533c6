// One update of a network's parameters, taken slice by slice while backward runs: a layer's
// gradient then needs no memory that outlives it.
#pragma once

#include <span>

#include "engine/flat_buffer.h"
#include "engine/kernels/adam.h"

namespace miniray {

template <class T>
struct ParameterUpdate {
  AdamFactors<T> factors;
  AdamSpans<T> buffers;  // of the whole network

  AdamSpans<T> of(const Slice& slice) const { return part(buffers, slice.offset, slice.size()); }
  // Takes a gradient that stands in the network's buffer of gradients, and leaves zeros there.
  void take(const Slice& slice, std::span<T> gradients) const {
    adam_update(factors, of(slice), slice_of(gradients, slice));
  }
};

}  // namespace miniray
