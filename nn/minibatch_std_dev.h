// The minibatch standard deviation (Karras et al., arXiv 1710.10196): a channel more, which says
// how much the samples of a group differ, so that a discriminator sees a generator that repeats
// itself.
//
// Of N samples, sample n is in group n mod max(1, N / 4): of 4 samples or up to 7. In each group
// the deviation of every feature over its samples, sqrt(mean square distance + 1e-8), is taken;
// their mean over all features fills the new channel of all of its samples. Training or not.
#pragma once

#include "nn/layer.h"

namespace miniray {

// [channels + 1, height, width] of [channels, height, width].
template <class T>
class MinibatchStdDev final : public Layer<T> {
 public:
  std::string kind() const override { return "MinibatchStdDev"; }
  Shape plan(const Shape& input, Declarations&) override;
  // Room for sums of each group's pieces.
  std::size_t saved_bytes(std::int64_t batch) const override;
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool mixes_samples() const override { return true; }
  bool makes_tiles() const override { return false; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  std::int64_t features_ = 0, pixels_ = 0;  // of a sample, of a channel
};

}  // namespace miniray
