// The mean over the pixels of each channel, as torch.nn.AdaptiveAvgPool2d(1) and a flattening.
#pragma once

#include "nn/layer.h"

namespace miniray {

// x [channels, height, width], y [channels].
template <class T>
class GlobalAveragePool final : public Layer<T> {
 public:
  std::string kind() const override { return "AdaptiveAvgPool2d"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool makes_tiles() const override { return false; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  std::int64_t channels_ = 0, pixels_ = 0;
};

}  // namespace miniray
