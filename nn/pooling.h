// Layers over pictures [channels, height, width] that change their pixels and have no parameters.
#pragma once

#include "nn/layer.h"

namespace miniray {

// Twice the pixels a side, each a copy of its nearest: torch.nn.Upsample(scale_factor=2).
template <class T>
class Upsample2d final : public Layer<T> {
 public:
  std::string kind() const override { return "Upsample"; }
  Shape plan(const Shape& input, Declarations&) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool is_affine() const override { return true; }
  bool takes_bfloat16() const override { return true; }
  bool makes_tiles() const override { return true; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  std::int64_t rows_ = 0, columns_ = 0;  // of one sample of the input; rows of all its channels
};

// Half the pixels a side, each the mean of four: torch.nn.AvgPool2d(2). Throws invalid argument
// where a side is odd.
template <class T>
class AvgPool2d final : public Layer<T> {
 public:
  std::string kind() const override { return "AvgPool2d"; }
  Shape plan(const Shape& input, Declarations&) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool is_affine() const override { return true; }
  bool takes_bfloat16() const override { return true; }
  bool makes_tiles() const override { return true; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  std::int64_t rows_ = 0, columns_ = 0;  // of one sample of the output
};

// The sum or the mean over the pixels of each channel: [channels] of [channels, height, width].
template <class T>
class GlobalPool : public Layer<T> {
 public:
  Shape plan(const Shape& input, Declarations&) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool is_affine() const override { return true; }
  bool takes_bfloat16() const override { return true; }
  bool makes_tiles() const override { return true; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 protected:
  explicit GlobalPool(bool mean) : mean_(mean) {}

 private:
  T divisor() const { return mean_ ? static_cast<T>(pixels_) : T{1}; }

  bool mean_;
  std::int64_t channels_ = 0, pixels_ = 0;
};

template <class T>
class GlobalSumPool final : public GlobalPool<T> {
 public:
  GlobalSumPool() : GlobalPool<T>(false) {}
  std::string kind() const override { return "GlobalSumPool"; }
};

// torch.nn.AdaptiveAvgPool2d(1) and a flattening.
template <class T>
class GlobalAveragePool final : public GlobalPool<T> {
 public:
  GlobalAveragePool() : GlobalPool<T>(true) {}
  std::string kind() const override { return "AdaptiveAvgPool2d"; }
};

}  // namespace miniray
