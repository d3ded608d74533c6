// Batch normalisation of pictures whose gain and bias depend on the sample's class (Dumoulin et
// al., arXiv 1610.07629): as BatchNorm2d, with weight and bias [classes, channels]. Mean and
// variance are of the whole batch.
#pragma once

#include "nn/batch_norm.h"

namespace miniray {

template <class T>
class ConditionalBatchNorm2d final : public BatchNorm<T> {
 public:
  explicit ConditionalBatchNorm2d(std::int64_t classes) : classes_(classes) {}

  std::string kind() const override { return "ConditionalBatchNorm2d"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  // BatchNorm's, and two sums of each sample's channels to work in.
  std::size_t saved_bytes(std::int64_t batch) const override;
  bool takes_bfloat16() const override { return true; }
  // A channel at a time, where that is a tile.
  bool makes_tiles() const override { return this->values_ % 8 == 0; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  std::int64_t classes_;
};

}  // namespace miniray
