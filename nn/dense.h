// The fully connected layer: y = x W^T + b, W [out, in], as torch.nn.Linear and initialised like it
// (uniform in +-1/sqrt(in), both), or, with a gain above 0, by Init::glorot and with a bias of 0.
#pragma once

#include "nn/layer.h"

namespace miniray {

template <class T>
class Dense final : public Layer<T> {
 public:
  explicit Dense(std::int64_t out_features, double glorot_gain = 0)
      : Dense(Shape{out_features}, glorot_gain) {}
  // The output has this shape.
  explicit Dense(const Shape& output, double glorot_gain = 0);

  std::string kind() const override { return "Linear"; }
  // Any input shape is taken as one flat vector.
  Shape plan(const Shape& input, Declarations& declarations) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool is_affine() const override { return true; }
  bool makes_tiles() const override { return true; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  Shape output_;
  std::int64_t in_features_ = 0, out_features_;
  double glorot_gain_;
  Slice weight_, bias_;
};

}  // namespace miniray
