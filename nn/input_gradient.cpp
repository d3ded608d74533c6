#include "nn/input_gradient.h"

#include "engine/error.h"
#include "engine/span.h"

namespace miniray {

template <class T>
void check_piecewise_linear(const NetworkPlan<T>& plan) {
  for (std::size_t i = 0; i < plan.layer_count(); ++i) {
    const Layer<T>& layer = plan.layer(i);
    const bool elementwise = dynamic_cast<const ElementwiseLayer<T>*>(&layer) != nullptr;
    if (layer.is_affine() || (elementwise && layer.output_use() != OutputUse::kValue)) continue;
    throw invalid_argument(
        "second derivatives are there for piecewise linear networks only; layer " +
        std::to_string(i) + " of this one is " + layer.kind());
  }
}

template <class T>
InputGradient<T>::InputGradient(const NetworkPlan<T>& plan, std::int64_t max_batch)
    : output_size_((check_piecewise_linear(plan), plan.output_shape().elements())),
      pass_(plan, max_batch, PassUse::kForwardAndBackward),
      tangents_(plan, max_batch, PassUse::kForwardOnly),
      y_(static_cast<std::size_t>(max_batch * output_size_)),
      ones_(y_.size(), T{1}) {}

template <class T>
void InputGradient<T>::compute(const Network<T>& network, const PassContext& context,
                               std::int64_t batch, std::span<const T> x, std::span<T> dx) {
  const std::span<T> y = part(std::span<T>(y_), 0, batch * output_size_);
  const std::span<const T> dy = part(std::span<const T>(ones_), 0, batch * output_size_);
  network.forward(context, batch, x, y, pass_);
  network.backward(context, batch, x, y, dy, dx, {}, pass_);
}

template <class T>
void InputGradient<T>::add_gradients(const Network<T>& network, const PassContext& context,
                                     std::int64_t batch, std::span<const T> v,
                                     std::span<T> gradients) {
  const std::span<const T> y = part(std::span<const T>(y_), 0, batch * output_size_);
  const std::span<const T> dy = part(std::span<const T>(ones_), 0, batch * output_size_);
  network.forward_tangents(context, batch, v, pass_, tangents_);
  network.backward_tangents(context, batch, v, y, dy, gradients, pass_, tangents_);
}

template void check_piecewise_linear(const NetworkPlan<float>&);
template void check_piecewise_linear(const NetworkPlan<double>&);
template class InputGradient<float>;
template class InputGradient<double>;

}  // namespace miniray
