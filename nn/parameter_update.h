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

  AdamSpans<T> of(const Slice& slice) const {
    return {slice_of(buffers.w, slice), slice_of(buffers.m, slice), slice_of(buffers.v, slice)};
  }
  // Takes a gradient that stands in the network's buffer of gradients, and leaves zeros there.
  void take(const Slice& slice, std::span<T> gradients) const {
    const AdamSpans<T> spans = of(slice);
    adam_update(factors, spans.w, slice_of(gradients, slice), spans.m, spans.v);
  }
};

}  // namespace miniray
