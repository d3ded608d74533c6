// Batch normalisation over the samples of a batch, as torch.nn.BatchNorm1d and BatchNorm2d: epsilon
// 1e-5, momentum 0.1, the running variance unbiased. A training batch needs at least two values of
// each feature.
#pragma once

#include "engine/kernels/reduce.h"
#include "nn/layer.h"

namespace miniray {

template <class Byte, class T>
struct BatchNormSaved;  // nn/batch_norm_saved.h

// What both kinds share: parameters, running statistics, and what forward saves.
template <class T>
class BatchNorm : public Layer<T>, public KeepsStatistics<T> {
 public:
  // The mean, variance and inverse deviation that forward used.
  std::size_t saved_bytes(std::int64_t batch) const override;
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool mixes_samples() const override { return true; }
  void update_statistics(std::int64_t batch, std::span<const std::byte> saved,
                         std::span<T> statistics) const override;

 protected:
  // values: of each feature in a sample. affine: shape of weight and bias.
  void declare(std::int64_t features, std::int64_t values, const Shape& affine,
               Declarations& declarations);
  void check_batch(const ForwardArgs<T>& args) const;
  void take_update(const BackwardArgs<T>& args) const;
  // Of pictures: mean, variance and inverse deviation of channel c, of the batch or as they run.
  void take_channel_statistics(const ForwardArgs<T>& args, std::int64_t c, const Block& block,
                               const T* x, const BatchNormSaved<std::byte, T>& saved) const;

  std::int64_t features_ = 0, values_ = 0;
  Slice weight_, bias_, running_mean_, running_var_;
};

// Of samples [features].
template <class T>
class BatchNorm1d final : public BatchNorm<T> {
 public:
  std::string kind() const override { return "BatchNorm1d"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  bool makes_tiles() const override { return false; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;
};

// Of pictures [channels, height, width]: a channel is a feature, its pixels are values of it.
template <class T>
class BatchNorm2d final : public BatchNorm<T> {
 public:
  std::string kind() const override { return "BatchNorm2d"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  bool takes_bfloat16() const override { return true; }
  // A channel at a time, where that is a tile.
  bool makes_tiles() const override { return this->values_ % 8 == 0; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;
};

}  // namespace miniray
