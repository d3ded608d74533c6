// Layers that act on each element alone. They can work in place, tile by tile, on what the layer
// before them has just made.
#pragma once

#include "engine/kernels/tile.h"
#include "nn/layer.h"

namespace miniray {

template <class T>
class ElementwiseLayer : public Layer<T> {
 public:
  // Whether y > 0 where x > 0 and y <= 0 elsewhere, or the element's gradient is zero.
  virtual bool keeps_signs() const = 0;

  // What must be there before the first tile of a pass, such as random bits.
  virtual void prepare(const ForwardArgs<T>& args) const = 0;
  // y may be x, dx may be dy. Any tiles of a pass may run at once; calling thread only.
  virtual void forward_tile(const ForwardArgs<T>& args, const Tile& tile) const = 0;
  virtual void backward_tile(const BackwardArgs<T>& args, const Tile& tile) const = 0;

  bool makes_tiles() const final { return false; }
  void forward(const ForwardArgs<T>& args) const final;
  void backward(const BackwardArgs<T>& args) const final;
};

// The part of row `row` of a [batch, features] matrix that lies in a tile.
template <class T>
std::span<T> row_of_tile(std::span<T> matrix, std::int64_t features, std::int64_t row,
                         const Tile& tile) {
  return part(matrix, row * features + tile.column, tile.columns);
}

}  // namespace miniray
