// The interface of a layer: pure functions over spans that the caller owns.
//
// A layer holds shapes and offsets, never numbers. Weights come from the network's flat buffers;
// all that backward needs beyond x and y is written to `saved` by forward. So one network serves
// any number of passes at once, each with buffers of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "engine/kernels/tile.h"
#include "engine/parallel.h"
#include "engine/rng.h"
#include "engine/shape.h"
#include "engine/stored_span.h"
#include "nn/declarations.h"
#include "nn/parameter_update.h"

namespace miniray {

// The number of each row's sample in the random streams of a step: rows below `split` are numbered
// from `first`, the others from `second`. So a batch gives the same numbers whole or in parts.
struct SampleNumbers {
  std::int64_t first = 0;
  std::int64_t split = std::numeric_limits<std::int64_t>::max();
  std::int64_t second = 0;

  std::int64_t of_row(std::int64_t row) const {
    return row < split ? first + row : second + row - split;
  }
};

// What one pass over a batch knows.
//
// Labels enter a pass here, not as an input of its own: row n of the batch is of class labels[n].
// Layers that take the class (nn/class_layers.h, nn/conditional_batch_norm.h) refuse a pass without
// them; all others ignore them. They must outlive forward and backward.
struct PassContext {
  const ThreadBudget& threads;
  bool training = false;  // batch statistics and dropout, or running statistics and none
  RandomKey random{};     // seed, rank, step; `variant` is the first layer's, later layers add
  SampleNumbers samples{};
  std::span<const std::int32_t> labels{};
};

// What backward reads of a layer's own output.
enum class OutputUse { kNone, kSign, kValue };

// What stands as bfloat16 in place of the span of that name, which is then empty: for layers that
// take that (Layer::takes_bfloat16).
struct RoundedForward {
  std::span<const Bfloat16> x{};
  std::span<Bfloat16> y{};
};
struct RoundedBackward {
  std::span<const Bfloat16> x{}, y{}, dy{};
  std::span<Bfloat16> dx{};
};

template <class T>
StoredSpan<T> stored(std::span<T> exact, std::span<typename StoredSpan<T>::Rounded> rounded) {
  return rounded.empty() ? StoredSpan<T>(exact) : StoredSpan<T>(rounded);
}

// Spans hold `batch` rows of samples, row-major; x is [batch, input...], y is [batch, output...].
// No two spans overlap, unless the layer says that it works in place.
template <class T>
struct ForwardArgs {
  const PassContext& context;
  RandomKey random;  // this layer's own
  std::int64_t batch;
  std::span<const T> parameters;  // the network's whole buffers
  std::span<const T> statistics;
  std::span<const T> x;
  std::span<T> y;
  std::span<std::byte> saved;  // saved_bytes(batch), aligned to 64
  TileFunction finished{};     // called with tiles of y as they are made, if the layer makes tiles
  bool linear_part = false;    // of an affine layer A x + b: y = A x
  RoundedForward rounded{};

  StoredSpan<const T> stored_x() const { return stored(x, rounded.x); }
  StoredSpan<T> stored_y() const { return stored(y, rounded.y); }
};

// Gradients of parameters are added to `gradients`, those of the input overwrite dx. An empty span
// means: not wanted. Where there is an update, the layer's parameters take it at once, after dx was
// made from the old ones; its slices of `gradients` are zero before and after.
template <class T>
struct BackwardArgs {
  const PassContext& context;
  std::int64_t batch;
  std::span<const T> parameters;
  std::span<const T> x;  // what forward saw and made
  std::span<const T> y;
  // What forward saved. A layer may keep room in it to work in, and must leave the rest as it was:
  // backward can be called again.
  std::span<std::byte> saved;
  std::span<const T> dy;
  std::span<T> dx;
  std::span<T> gradients;
  const ParameterUpdate<T>* update;
  TileFunction finished{};   // called with tiles of dx, as forward's
  bool linear_part = false;  // of an affine layer A x + b: the gradients of A x
  RoundedBackward rounded{};

  StoredSpan<const T> stored_x() const { return stored(x, rounded.x); }
  StoredSpan<const T> stored_y() const { return stored(y, rounded.y); }
  StoredSpan<const T> stored_dy() const { return stored(dy, rounded.dy); }
  StoredSpan<T> stored_dx() const { return stored(dx, rounded.dx); }
};

template <class T>
class Layer {
 public:
  virtual ~Layer() = default;

  // The name of the equal class in torch.nn.
  virtual std::string kind() const = 0;
  // Called once, with the shape of one sample: declares slices, returns the shape of one output.
  // Throws invalid argument, with both shapes, where the input does not fit.
  virtual Shape plan(const Shape& input, Declarations& declarations) = 0;
  virtual std::size_t saved_bytes(std::int64_t batch) const = 0;
  virtual OutputUse output_use() const = 0;
  // Whether in training a sample's output depends on the other samples of the batch.
  virtual bool mixes_samples() const { return false; }
  // Whether y = A x + b, for any x, so that forward and backward take `linear_part`, and dx needs
  // no x.
  virtual bool is_affine() const { return false; }
  // Whether spans of samples may stand in `rounded`: it then computes as ever, from widened
  // numbers.
  virtual bool takes_bfloat16() const { return false; }
  // Whether it calls `finished`, for every tile of its output, and of dx where that is wanted.
  virtual bool makes_tiles() const = 0;
  virtual void forward(const ForwardArgs<T>& args) const = 0;
  virtual void backward(const BackwardArgs<T>& args) const = 0;
};

// Implemented besides Layer by those that keep running statistics.
template <class T>
class KeepsStatistics {
 public:
  virtual ~KeepsStatistics() = default;
  // Takes what a training pass saved into the network's running statistics.
  virtual void update_statistics(std::int64_t batch, std::span<const std::byte> saved,
                                 std::span<T> statistics) const = 0;
};

}  // namespace miniray
