// Activations: functions of one element, without parameters. Their backward needs y alone.
#pragma once

#include "nn/layer.h"

namespace miniray {

enum class ActivationKind { kReLU, kLeakyReLU, kTanh, kSigmoid };

template <class T>
class Activation final : public Layer<T> {
 public:
  // slope: of LeakyReLU below zero, above 0; the others ignore it. Throws invalid argument.
  explicit Activation(ActivationKind kind, double slope = 0.2);

  std::string kind() const override;
  Shape plan(const Shape& input, Declarations&) override { return input; }
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  void forward_range(std::span<const T> x, std::span<T> y) const;
  void backward_range(std::span<const T> y, std::span<const T> dy, std::span<T> dx) const;

  ActivationKind kind_;
  T slope_;
};

}  // namespace miniray
