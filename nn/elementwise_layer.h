// Layers that act on each element alone. They can work in place, part by part, on what the layer
// before them has just made.
#pragma once

#include "nn/layer.h"
#include "nn/row_parts.h"

namespace miniray {

template <class T>
class ElementwiseLayer : public Layer<T> {
 public:
  // Whether y > 0 where x > 0 and y <= 0 elsewhere, or the element's gradient is zero.
  virtual bool keeps_signs() const = 0;

  // What must be there before the first part of a pass, such as random bits.
  virtual void prepare(const ForwardArgs<T>& args) const = 0;
  // Spans are a part of a row, as long as `at`; those of args are not looked at. y may be x, dx may
  // be dy; backward's y is there where output_use asks for it. Any parts of a pass may run at once;
  // calling thread only.
  virtual void forward_part(const ForwardArgs<T>& args, const RowPart& at, std::span<const T> x,
                            std::span<T> y) const = 0;
  virtual void backward_part(const BackwardArgs<T>& args, const RowPart& at, std::span<const T> y,
                             std::span<const T> dy, std::span<T> dx) const = 0;

  bool takes_bfloat16() const final { return true; }
  bool makes_tiles() const final { return false; }
  void forward(const ForwardArgs<T>& args) const final;
  void backward(const BackwardArgs<T>& args) const final;
};

}  // namespace miniray
