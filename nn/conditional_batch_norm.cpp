#include "nn/conditional_batch_norm.h"

#include <cmath>

#include "engine/error.h"
#include "engine/kernels/norm.h"
#include "engine/kernels/reduce.h"
#include "nn/batch_norm_saved.h"
#include "nn/channel_memory.h"
#include "nn/class_layers.h"

namespace miniray {

template <class T>
Shape ConditionalBatchNorm2d<T>::plan(const Shape& input, Declarations& declarations) {
  if (input.rank() != 3) {
    throw invalid_argument(
        "ConditionalBatchNorm2d takes pictures (channels x height x width), not " +
        input.to_string());
  }
  this->declare(input[0], input[1] * input[2], {classes_, input[0]}, declarations);
  return input;
}

template <class T>
std::size_t ConditionalBatchNorm2d<T>::saved_bytes(std::int64_t batch) const {
  return BatchNorm<T>::saved_bytes(batch) +
         2 * static_cast<std::size_t>(batch * this->features_) * sizeof(T);
}

template <class T>
void ConditionalBatchNorm2d<T>::forward(const ForwardArgs<T>& args) const {
  this->check_batch(args);
  check_labels(args.context, args.batch, classes_);
  const SavedForWriting<T> saved(args.saved, this->features_);
  const T* const weight = slice_of(args.parameters, this->weight_).data();
  const T* const bias = slice_of(args.parameters, this->bias_).data();
  const std::int64_t values = this->values_;
  const auto all_x = args.stored_x();
  const auto all_y = args.stored_y();
  const ChannelMemory<T> memory(args.context.threads, args.batch, this->features_, values, 1,
                                all_x.is_rounded() || all_y.is_rounded());
  const std::int64_t stride = memory.block().stride;
  args.context.threads.for_each_tile_in_slot(this->features_, [&](std::int64_t c, int slot) {
    const T* const x = memory.read(all_x, c, slot, 0);
    T* const y = memory.room(all_y, c, slot, 0);
    this->take_channel_statistics(args, c, memory.block(), x, saved);
    for (std::int64_t n = 0; n < args.batch; ++n) {
      const std::int64_t at =
          args.context.labels[static_cast<std::size_t>(n)] * this->features_ + c;
      norm<T>().normalise_block({1, values, values}, x + n * stride, saved.mean[c],
                                saved.inverse_deviation[c], weight[at], bias[at], y + n * stride);
    }
    memory.finish(all_y, c, y);
    if (makes_tiles()) args.finished(Tile{0, args.batch, c * values, values});
  });
}

// BatchNorm1d's formula, where what arrives at the normalised values is dy times the gain of the
// sample's class.
template <class T>
void ConditionalBatchNorm2d<T>::backward(const BackwardArgs<T>& args) const {
  const SavedForReading<T> saved(args.saved, this->features_);
  const T* const weight = slice_of(args.parameters, this->weight_).data();
  const std::int64_t values = this->values_;
  const auto all_x = args.stored_x(), all_dy = args.stored_dy();
  const auto all_dx = args.stored_dx();
  const ChannelMemory<T> memory(args.context.threads, args.batch, this->features_, values, 2,
                                all_x.is_rounded() || all_dy.is_rounded() || all_dx.is_rounded());
  const std::int64_t stride = memory.block().stride;
  const T share = args.context.training ? 1 / static_cast<T>(args.batch * values) : T{0};
  T* const sums = reinterpret_cast<T*>(args.saved.data() + BatchNorm<T>::saved_bytes(args.batch));
  args.context.threads.for_each_tile_in_slot(this->features_, [&](std::int64_t c, int slot) {
    const T* const x = memory.read(all_x, c, slot, 0);
    const T* const dy = memory.read(all_dy, c, slot, 1);
    const T mean = saved.mean[c], inverse_deviation = saved.inverse_deviation[c];
    const auto at = [&](std::int64_t n) {
      return args.context.labels[static_cast<std::size_t>(n)] * this->features_ + c;
    };
    T* const sums_dy = sums + 2 * c * args.batch;
    T* const sums_dyx = sums_dy + args.batch;
    T sum_dy = 0, sum_dyx = 0;  // of dy times gain
    for (std::int64_t n = 0; n < args.batch; ++n) {
      const Block block{1, values, values};
      sums_dy[n] = reduce<T>().block_sum(block, dy + n * stride);
      sums_dyx[n] = reduce<T>().block_products(block, x + n * stride, mean, dy + n * stride);
      sum_dy += weight[at(n)] * sums_dy[n];
      sum_dyx += weight[at(n)] * sums_dyx[n];
    }
    if (!all_dx.empty()) {
      T* const dx = memory.room(all_dx, c, slot, 1);
      const T a = inverse_deviation * share * sum_dy;
      const T b = share * sum_dyx * inverse_deviation * inverse_deviation * inverse_deviation;
      for (std::int64_t n = 0; n < args.batch; ++n) {
        norm<T>().backward_input_block({1, values, values}, x + n * stride, dy + n * stride, mean,
                                       weight[at(n)] * inverse_deviation, a, b, dx + n * stride);
      }
      memory.finish(all_dx, c, dx);
      if (makes_tiles()) args.finished(Tile{0, args.batch, c * values, values});
    }
    if (args.gradients.empty()) return;  // of this channel
    for (std::int64_t n = 0; n < args.batch; ++n) {
      slice_of(args.gradients, this->weight_).data()[at(n)] += sums_dyx[n] * inverse_deviation;
      slice_of(args.gradients, this->bias_).data()[at(n)] += sums_dy[n];
    }
  });
  this->take_update(args);
}

template class ConditionalBatchNorm2d<float>;
template class ConditionalBatchNorm2d<double>;

}  // namespace miniray
