// Layers that take the class of each sample (PassContext::labels), besides the conditional batch
// norm.
#pragma once

#include "nn/layer.h"

namespace miniray {

// Throws invalid argument unless the pass has a label below `classes` for each row.
void check_labels(const PassContext& context, std::int64_t batch, std::int64_t classes);

// Appends to each sample an embedding of its class (Mirza and Osindero, arXiv 1411.1784): to a
// vector [features] `extra` values, to a picture [channels, height, width] `extra` channels.
// weight [classes, values appended], as torch.nn.Embedding's; begins uniform, of variance 1.
template <class T>
class ClassEmbedding final : public Layer<T> {
 public:
  ClassEmbedding(std::int64_t classes, std::int64_t extra);

  std::string kind() const override { return "Embedding"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool is_affine() const override { return true; }
  bool makes_tiles() const override { return false; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  std::int64_t classes_, extra_;
  std::int64_t in_size_ = 0, added_ = 0;  // of one sample
  Slice weight_;
};

// The inner product of a sample [features] with an embedding of its class: what a projection
// discriminator adds to its logit (Miyato and Koyama, arXiv 1802.05637, equation 3). Output [1].
// weight [classes, features], by Init::glorot.
template <class T>
class ClassProjection final : public Layer<T> {
 public:
  explicit ClassProjection(std::int64_t classes) : classes_(classes) {}

  std::string kind() const override { return "ClassProjection"; }
  Shape plan(const Shape& input, Declarations& declarations) override;
  std::size_t saved_bytes(std::int64_t) const override { return 0; }
  OutputUse output_use() const override { return OutputUse::kNone; }
  bool is_affine() const override { return true; }
  bool makes_tiles() const override { return false; }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;

 private:
  std::int64_t classes_, features_ = 0;
  Slice weight_;
};

}  // namespace miniray
