#include "nn/activation.h"

#include "engine/error.h"
#include "engine/kernels/elementwise.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kElementsPerTile = 16384;

}  // namespace

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
void Activation<T>::forward(const ForwardArgs<T>& args) const {
  for_each_range(args.context.threads, static_cast<std::int64_t>(args.x.size()), kElementsPerTile,
                 [&](std::int64_t begin, std::int64_t size) {
                   forward_range(part(args.x, begin, size), part(args.y, begin, size));
                 });
}

template <class T>
void Activation<T>::backward(const BackwardArgs<T>& args) const {
  if (args.dx.empty()) return;
  for_each_range(args.context.threads, static_cast<std::int64_t>(args.y.size()), kElementsPerTile,
                 [&](std::int64_t begin, std::int64_t size) {
                   backward_range(part(args.y, begin, size), part(args.dy, begin, size),
                                  part(args.dx, begin, size));
                 });
}

template <class T>
void Activation<T>::forward_range(std::span<const T> x, std::span<T> y) const {
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
void Activation<T>::backward_range(std::span<const T> y, std::span<const T> dy,
                                   std::span<T> dx) const {
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
