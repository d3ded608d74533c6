#include "nn/activation.h"

#include "engine/error.h"
#include "engine/kernels/elementwise.h"
#include "engine/span.h"

namespace miniray {
template <class T>
Activation<T>::Activation(ActivationKind kind, double slope)
    : kind_(kind), slope_(static_cast<T>(slope)) {
  if (kind == ActivationKind::kLeakyReLU && !(slope > 0)) {
    throw invalid_argument("the slope of LeakyReLU must be above 0, not " + std::to_string(slope));
  }
}

template <class T>
std::string Activation<T>::kind() const {
  switch (kind_) {
    case ActivationKind::kReLU:
      return "ReLU";
    case ActivationKind::kLeakyReLU:
      return "LeakyReLU";
    case ActivationKind::kTanh:
      return "Tanh";
    case ActivationKind::kSigmoid:
      return "Sigmoid";
  }
  return {};
}

template <class T>
Shape Activation<T>::plan(const Shape& input, Declarations&) {
  return input;
}

template <class T>
OutputUse Activation<T>::output_use() const {
  const bool by_sign = kind_ == ActivationKind::kReLU || kind_ == ActivationKind::kLeakyReLU;
  return by_sign ? OutputUse::kSign : OutputUse::kValue;
}

template <class T>
void Activation<T>::forward_part(const ForwardArgs<T>&, const RowPart&, std::span<const T> x,
                                 std::span<T> y) const {
  const ElementwiseKernels<T>& kernels = elementwise<T>();
  switch (kind_) {
    case ActivationKind::kReLU:
      return kernels.relu_forward(x, y);
    case ActivationKind::kLeakyReLU:
      return kernels.leaky_relu_forward(slope_, x, y);
    case ActivationKind::kTanh:
      return kernels.tanh_forward(x, y);
    case ActivationKind::kSigmoid:
      return kernels.sigmoid_forward(x, y);
  }
}

template <class T>
void Activation<T>::backward_part(const BackwardArgs<T>&, const RowPart&, std::span<const T> y,
                                  std::span<const T> dy, std::span<T> dx) const {
  const ElementwiseKernels<T>& kernels = elementwise<T>();
  switch (kind_) {
    case ActivationKind::kReLU:
      return kernels.relu_backward(y, dy, dx);
    case ActivationKind::kLeakyReLU:
      return kernels.leaky_relu_backward(slope_, y, dy, dx);
    case ActivationKind::kTanh:
      return kernels.tanh_backward(y, dy, dx);
    case ActivationKind::kSigmoid:
      return kernels.sigmoid_backward(y, dy, dx);
  }
}

template class Activation<float>;
template class Activation<double>;

}  // namespace miniray
