// Activations: functions of one element, without parameters. Their backward needs y alone.
#pragma once

#include "nn/elementwise_layer.h"

namespace miniray {

enum class ActivationKind { kReLU, kLeakyReLU, kTanh, kSigmoid };

template <class T>
class Activation final : public ElementwiseLayer<T> {
 public:
  // slope: of LeakyReLU below zero, above 0; the others ignore it. Throws invalid argument.
  explicit Activation(ActivationKind kind, double slope = 0.2);

  std::string kind() const override;
  Shape plan(const Shape& input, Declarations&) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override;
  bool keeps_signs() const override { return kind_ != ActivationKind::kSigmoid; }
  void prepare(const ForwardArgs<T>&) const override {}
  void forward_part(const ForwardArgs<T>& args, const RowPart& at, std::span<const T> x,
                    std::span<T> y) const override;
  void backward_part(const BackwardArgs<T>& args, const RowPart& at, std::span<const T> y,
                     std::span<const T> dy, std::span<T> dx) const override;

 private:
  ActivationKind kind_;
  T slope_;
};

}  // namespace miniray
