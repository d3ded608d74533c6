// Batch normalisation over the samples of a batch, as torch.nn.BatchNorm1d: epsilon 1e-5, momentum
// 0.1, the running variance unbiased. A training batch needs at least two samples.
#pragma once

#include "nn/layer.h"

namespace miniray {

template <class T>
class BatchNorm1d final : public Layer<T>, public KeepsStatistics<T> {
 public:
  std::string kind() const override { return "BatchNorm1d"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  // The mean, variance and inverse deviation that forward used.
  std::size_t saved_bytes(std::int64_t batch) const override;
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool makes_tiles() const override { return false; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;
  void update_statistics(std::int64_t batch, std::span<const std::byte> saved,
                         std::span<T> statistics) const override;

 private:
  std::int64_t features_ = 0;
  Slice weight_, bias_, running_mean_, running_var_;
};

}  // namespace miniray
