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
  void forward_tile(const ForwardArgs<T>& args, const Tile& tile) const override;
  void backward_tile(const BackwardArgs<T>& args, const Tile& tile) const override;

 private:
  // to = from where the mask says so, else 0.
  void mask_tile(const Tile& tile, std::span<const std::byte> masks, std::span<const T> from,
                 std::span<T> to) const;

  double p_;
  std::int64_t features_ = 0;
  std::int64_t mask_bytes_ = 0;  // of one sample
};

}  // namespace miniray
