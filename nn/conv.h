// Convolution layers over pictures [channels, height, width], as torch.nn.Conv2d and
// torch.nn.ConvTranspose2d and initialised like them: uniform in +-1/sqrt(taps), both parameters,
// taps being the product of the weight's last three extents; or, with a gain above 0, by
// Init::glorot and with a bias of 0. Kernel, stride and padding are the same for both axes.
#pragma once

#include "engine/kernels/conv.h"
#include "nn/layer.h"

namespace miniray {

struct ConvOptions {
  std::int64_t channels;  // of the output
  std::int64_t kernel;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  bool bias = true;
  double glorot_gain = 0;
};

// weight [channels, input channels, kernel, kernel].
template <class T>
class Conv2d final : public Layer<T> {
 public:
  // Throws invalid argument, naming the option that cannot be.
  explicit Conv2d(const ConvOptions& options);

  std::string kind() const override { return "Conv2d"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool is_affine() const override { return true; }
  bool makes_tiles() const override { return false; }
  bool takes_bfloat16() const override { return !covers_whole_pictures(shape_); }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  ConvOptions options_;
  ConvShape shape_{};  // of one picture: x is the input
  Slice weight_, bias_;
};

// weight [input channels, channels, kernel, kernel]. The output is the smallest that a convolution
// of these options makes the input of: (extent - 1) stride - 2 padding + kernel.
template <class T>
class ConvTranspose2d final : public Layer<T> {
 public:
  explicit ConvTranspose2d(const ConvOptions& options);

  std::string kind() const override { return "ConvTranspose2d"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool makes_tiles() const override { return false; }
  bool takes_bfloat16() const override { return !covers_whole_pictures(shape_); }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  ConvOptions options_;
  ConvShape shape_{};  // of one picture: x is the output
  Slice weight_, bias_;
};

}  // namespace miniray
