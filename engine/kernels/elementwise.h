// Activations and dropout, element by element.
//
// Spans of one call have equal length; y may be x, dx may be dy. Functions use the calling thread
// only and allocate nothing. T is float or double.
#pragma once

#include <cstdint>
#include <span>

namespace miniray {

template <class T>
struct ElementwiseKernels {
  // y = max(x, 0). Backward from y, as all of these: dx = dy where y > 0, else 0.
  void (*relu_forward)(std::span<const T> x, std::span<T> y);
  void (*relu_backward)(std::span<const T> y, std::span<const T> dy, std::span<T> dx);

  // y = x where x > 0, else slope * x. slope > 0, so that y has the sign of x.
  void (*leaky_relu_forward)(T slope, std::span<const T> x, std::span<T> y);
  void (*leaky_relu_backward)(T slope, std::span<const T> y, std::span<const T> dy,
                              std::span<T> dx);

  // y = tanh(x); dx = dy (1 - y^2).
  void (*tanh_forward)(std::span<const T> x, std::span<T> y);
  void (*tanh_backward)(std::span<const T> y, std::span<const T> dy, std::span<T> dx);

  // y = 1 / (1 + exp(-x)); dx = dy y (1 - y).
  void (*sigmoid_forward)(std::span<const T> x, std::span<T> y);
  void (*sigmoid_backward)(std::span<const T> y, std::span<const T> dy, std::span<T> dx);

  // y[i] = scale * x[i] where bit i of mask is set, else 0; bit i is bit i % 8 of byte i / 8.
  void (*masked_scale)(T scale, std::span<const T> x, std::span<const std::uint8_t> mask,
                       std::span<T> y);

  // y = scale (y + x)
  void (*add_and_scale)(T scale, std::span<const T> x, std::span<T> y);

  // y += a x
  void (*add_scaled)(T a, std::span<const T> x, std::span<T> y);

  // y += a (x - y)
  void (*approach)(T a, std::span<const T> x, std::span<T> y);
};

// The kernels of the SIMD target in use.
template <class T>
const ElementwiseKernels<T>& elementwise();

}  // namespace miniray
