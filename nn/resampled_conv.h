// A convolution to pictures of twice or half the pixels a side, in the work of one.
//
// kUp is Conv2d behind Upsample2d, kDown AvgPool2d behind Conv2d, of an odd kernel and the padding
// that keeps a picture's size: the same functions, up to rounding. Both are folded into one
// convolution of stride 2 (kUp: a transposed one) whose kernel has one tap more a side, made of
// sums of neighbouring weights: 16 multiply-adds for each pixel of the small picture where a 3x3
// kernel takes 36 on the large one, and nothing of the large size between the two.
#pragma once

#include "engine/kernels/conv.h"
#include "nn/layer.h"

namespace miniray {

enum class Resampling { kUp, kDown };

struct ResampledConvOptions {
  Resampling resampling;
  std::int64_t channels;  // of the output
  std::int64_t kernel = 3;
  bool bias = true;
  double glorot_gain = 0;  // as ConvOptions'
};

// weight [channels, input channels, kernel, kernel], bias [channels], as Conv2d's.
template <class T>
class ResampledConv2d final : public Layer<T> {
 public:
  // Throws invalid argument, naming the option that cannot be.
  explicit ResampledConv2d(const ResampledConvOptions& options);

  std::string kind() const override { return "Conv2d"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  // The folded weights, and room for their gradient.
  std::size_t saved_bytes(std::int64_t) const override;
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool is_affine() const override { return true; }
  bool makes_tiles() const override { return false; }
  bool takes_bfloat16() const override { return !covers_whole_pictures(shape_); }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  bool up() const { return options_.resampling == Resampling::kUp; }
  std::int64_t folded_size() const;
  void fold(const ThreadBudget& threads, std::span<const T> weight, std::span<T> folded) const;
  // gradient += what the folded weights' gradient is for them.
  void add_unfolded(const ThreadBudget& threads, std::span<const T> folded,
                    std::span<T> gradient) const;

  ResampledConvOptions options_;
  std::int64_t in_channels_ = 0;
  ConvShape shape_{};  // of one picture: x is the large one
  Slice weight_, bias_;
};

}  // namespace miniray
