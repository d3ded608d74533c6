// The gradient of a network's output by its input, and the parameters' gradient of a function of
// it: what a penalty on that gradient needs.
//
// Second derivatives in general, here by hand for piecewise linear networks: chains of affine
// layers (Layer::is_affine) and elementwise ones whose backward reads at most signs and masks, such
// as LeakyReLU and Dropout. Around almost every x such a network is affine: with D_k the slopes of
// the elementwise layers and A_k the affine layers' matrices, the gradient of the outputs' sum is
//
//   g = A_1^T D_1 A_2^T D_2 ... A_n^T 1
//
// and <g, v> = 1^T A_n ... D_2 A_2 D_1 A_1 v: the sum of the tangents of the outputs along v. Its
// gradient by A_k is the outer product of the gradient of the outputs' sum by what A_k makes (from
// backward with dy = 1) and of the tangent that enters A_k: what the layer's own backward adds when
// it is given the tangent for x. The slopes D_k are constant, and biases do not appear. A function
// of g has the gradient of <g, v>, where v is its gradient by g, held constant.
#pragma once

#include <span>
#include <vector>

#include "nn/network.h"

namespace miniray {

// Throws invalid argument, naming the first layer that makes the network not piecewise linear.
template <class T>
void check_piecewise_linear(const NetworkPlan<T>& plan);

template <class T>
class InputGradient {
 public:
  // Room for batches of up to max_batch samples. Throws as check_piecewise_linear does.
  InputGradient(const NetworkPlan<T>& plan, std::int64_t max_batch);

  // dx [batch, input...] = the gradient of the sum of all outputs, by a pass over x.
  void compute(const Network<T>& network, const PassContext& context, std::int64_t batch,
               std::span<const T> x, std::span<T> dx);
  // After compute, with its network, context and batch: gradients += the parameters' gradient of
  // <dx, v>, v [batch, input...] being constant.
  void add_gradients(const Network<T>& network, const PassContext& context, std::int64_t batch,
                     std::span<const T> v, std::span<T> gradients);

 private:
  std::int64_t output_size_;  // of one sample
  PassBuffers<T> pass_, tangents_;
  std::vector<T> y_, ones_;  // [max_batch, output]
};

}  // namespace miniray
