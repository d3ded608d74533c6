#include "engine/error.h"
#include "engine/kernels/norm.h"
#include "engine/kernels/reduce.h"
#include "nn/batch_norm.h"
#include "nn/batch_norm_saved.h"
#include "nn/channel_memory.h"

namespace miniray {

template <class T>
Shape BatchNorm2d<T>::plan(const Shape& input, Declarations& declarations) {
  if (input.rank() != 3) {
    throw invalid_argument("BatchNorm2d takes pictures (channels x height x width), not " +
                           input.to_string());
  }
  this->declare(input[0], input[1] * input[2], {input[0]}, declarations);
  return input;
}

// A channel of all samples is read three times and written once, but from memory once: it fits the
// second cache.
template <class T>
void BatchNorm2d<T>::forward(const ForwardArgs<T>& args) const {
  this->check_batch(args);
  const SavedForWriting<T> saved(args.saved, this->features_);
  const T* const weight = slice_of(args.parameters, this->weight_).data();
  const T* const bias = slice_of(args.parameters, this->bias_).data();
  const std::int64_t values = this->values_;
  const auto all_x = args.stored_x();
  const auto all_y = args.stored_y();
  const ChannelMemory<T> memory(args.context.threads, args.batch, this->features_, values, 1,
                                all_x.is_rounded() || all_y.is_rounded());
  const Block block = memory.block();
  args.context.threads.for_each_tile_in_slot(this->features_, [&](std::int64_t c, int slot) {
    const T* const x = memory.read(all_x, c, slot, 0);
    T* const y = memory.room(all_y, c, slot, 0);
    this->take_channel_statistics(args, c, block, x, saved);
    norm<T>().normalise_block(block, x, saved.mean[c], saved.inverse_deviation[c], weight[c],
                              bias[c], y);
    memory.finish(all_y, c, y);
    if (this->makes_tiles()) args.finished(Tile{0, args.batch, c * values, values});
  });
}

// As BatchNorm1d's, the averages taken over samples and pixels.
template <class T>
void BatchNorm2d<T>::backward(const BackwardArgs<T>& args) const {
  const SavedForReading<T> saved(args.saved, this->features_);
  const T* const weight = slice_of(args.parameters, this->weight_).data();
  const std::int64_t values = this->values_;
  const T share = args.context.training ? 1 / static_cast<T>(args.batch * values) : T{0};
  const auto all_x = args.stored_x(), all_dy = args.stored_dy();
  const auto all_dx = args.stored_dx();
  const ChannelMemory<T> memory(args.context.threads, args.batch, this->features_, values, 2,
                                all_x.is_rounded() || all_dy.is_rounded() || all_dx.is_rounded());
  const Block block = memory.block();
  args.context.threads.for_each_tile_in_slot(this->features_, [&](std::int64_t c, int slot) {
    const T* const x = memory.read(all_x, c, slot, 0);
    const T* const dy = memory.read(all_dy, c, slot, 1);
    const T inverse_deviation = saved.inverse_deviation[c];
    const T sum_dy = reduce<T>().block_sum(block, dy);
    const T sum_dyx = reduce<T>().block_products(block, x, saved.mean[c], dy);
    if (!all_dx.empty()) {
      T* const dx = memory.room(all_dx, c, slot, 1);
      const T scale = weight[c] * inverse_deviation;
      norm<T>().backward_input_block(
          block, x, dy, saved.mean[c], scale, scale * share * sum_dy,
          scale * share * sum_dyx * inverse_deviation * inverse_deviation, dx);
      memory.finish(all_dx, c, dx);
      if (this->makes_tiles()) args.finished(Tile{0, args.batch, c * values, values});
    }
    if (args.gradients.empty()) return;  // of this channel
    slice_of(args.gradients, this->weight_).data()[c] += sum_dyx * inverse_deviation;
    slice_of(args.gradients, this->bias_).data()[c] += sum_dy;
  });
  this->take_update(args);
}

template class BatchNorm2d<float>;
template class BatchNorm2d<double>;

}  // namespace miniray
