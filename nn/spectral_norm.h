// Spectral normalisation (Miyato et al., arXiv 1802.05957) of a layer's weight, as
// torch.nn.utils.spectral_norm: the layer works with weight / sigma, sigma being the estimate
// u . W v of the largest singular value of W, the weight as a matrix [first extent, all others].
//
// What happens when. A training forward makes one step of the power iteration, v <- W^T u / |.|,
// u <- W v / |.|, from the network's u on a copy of its own, and saves u, v and weight / sigma.
// Backward takes these, u and v as constants, and gives the gradient through sigma. The network's u
// and v move only when update_statistics takes what a pass saved: so two forwards with it between
// them make two steps, two without it make the same one twice, and a pass of real and fake samples
// together makes one. In inference nothing moves: sigma = u . W v / (|u| |v|) of the stored
// vectors, which after an average over replicas are no longer unit vectors.
//
// All is cut by the weight's shape alone: same bits for any number of threads.
#pragma once

#include <memory>
#include <vector>

#include "nn/layer.h"

namespace miniray {

// Slices are those of the layer, its weight as weight_orig, and the statistics weight_u and
// weight_v.
template <class T>
class SpectralNorm final : public Layer<T>, public KeepsStatistics<T> {
 public:
  // The layer must have a weight and keep no statistics of its own.
  explicit SpectralNorm(std::unique_ptr<Layer<T>> layer);

  std::string kind() const override { return layer_->kind(); }
  Shape plan(const Shape& input, Declarations& declarations) override;
  // The layer's own, its parameters as it sees them, and room for their gradients.
  std::size_t saved_bytes(std::int64_t batch) const override;
  OutputUse output_use() const override { return layer_->output_use(); }
  bool is_affine() const override { return layer_->is_affine(); }
  bool mixes_samples() const override { return layer_->mixes_samples(); }
  bool takes_bfloat16() const override { return layer_->takes_bfloat16(); }
  bool makes_tiles() const override { return layer_->makes_tiles(); }
  void forward(const ForwardArgs<T>& args) const override;
  void backward(const BackwardArgs<T>& args) const override;
  void update_statistics(std::int64_t batch, std::span<const std::byte> saved,
                         std::span<T> statistics) const override;

 private:
  // One parameter in the network's buffers and in the layer's own.
  struct Parameter {
    Slice outer, inner;
  };
  struct Saved;  // views of the saved bytes

  void iterate(const ForwardArgs<T>& args, std::span<const T> w, const Saved& saved) const;
  void add_weight_gradient(const BackwardArgs<T>& args, const Saved& saved) const;

  std::unique_ptr<Layer<T>> layer_;
  Declarations inner_{/*blocks=*/false};  // the weight counts as a matrix in rows here
  std::vector<Parameter> parameters_;
  std::size_t weight_at_ = 0;  // in parameters_
  Slice u_, v_;
  std::int64_t rows_ = 0, columns_ = 0;  // of the weight as a matrix
};

}  // namespace miniray
