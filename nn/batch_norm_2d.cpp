#include "engine/error.h"
#include "engine/kernels/norm.h"
#include "engine/kernels/reduce.h"
#include "nn/batch_norm.h"
#include "nn/batch_norm_saved.h"

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
  const Block block{args.batch, values, this->features_ * values};
  args.context.threads.for_each_tile(this->features_, [&](std::int64_t c) {
    const T* const x = args.x.data() + c * values;
    this->take_channel_statistics(args, c, saved);
    norm<T>().normalise_block(block, x, saved.mean[c], saved.inverse_deviation[c], weight[c],
                              bias[c], args.y.data() + c * values);
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
  const Block block{args.batch, values, this->features_ * values};
  args.context.threads.for_each_tile(this->features_, [&](std::int64_t c) {
    const T* const x = args.x.data() + c * values;
    const T* const dy = args.dy.data() + c * values;
    const T inverse_deviation = saved.inverse_deviation[c];
    const T sum_dy = reduce<T>().block_sum(block, dy);
    const T sum_dyx = reduce<T>().block_products(block, x, saved.mean[c], dy);
    if (!args.dx.empty()) {
      const T scale = weight[c] * inverse_deviation;
      norm<T>().backward_input_block(
          block, x, dy, saved.mean[c], scale, scale * share * sum_dy,
          scale * share * sum_dyx * inverse_deviation * inverse_deviation,
          args.dx.data() + c * values);
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
