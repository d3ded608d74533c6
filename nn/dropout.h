// Inverted dropout: in training each element is zeroed with probability p and the others divided by
// 1 - p (Srivastava et al., JMLR 15, 2014; torch.nn.Dropout). p acts rounded to a multiple of
// 2^-16.
#pragma once

#include "nn/elementwise_layer.h"

namespace miniray {

template <class T>
class Dropout final : public ElementwiseLayer<T> {
 public:
  // Throws invalid argument unless 0 <= p < 1.
  explicit Dropout(double p);

  std::string kind() const override { return "Dropout"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  // One bit an element; each sample's bits begin at a byte of their own.
  std::size_t saved_bytes(std::int64_t batch) const override;
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool keeps_signs() const override { return true; }
  void prepare(const ForwardArgs<T>& args) const override;
  void forward_part(const ForwardArgs<T>& args, const RowPart& at, std::span<const T> x,
                    std::span<T> y) const override;
  void backward_part(const BackwardArgs<T>& args, const RowPart& at, std::span<const T> y,
                     std::span<const T> dy, std::span<T> dx) const override;

 private:
  // to = from, scaled; in training, and where the mask says so, 0.
  void mask(bool training, const RowPart& at, std::span<const std::byte> masks,
            std::span<const T> from, std::span<T> to) const;

  double p_;
  std::int64_t features_ = 0;
  std::int64_t mask_bytes_ = 0;  // of one sample
};

}  // namespace miniray
