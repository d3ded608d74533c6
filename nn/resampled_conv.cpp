#include "nn/resampled_conv.h"

#include <algorithm>

#include "engine/error.h"
#include "nn/conv_parameters.h"

namespace miniray {

template <class T>
ResampledConv2d<T>::ResampledConv2d(const ResampledConvOptions& options) : options_(options) {
  check_conv_options({.channels = options.channels, .kernel = options.kernel}, kind());
  if (options.kernel % 2 == 0) {
    throw invalid_argument("a convolution that resamples has an odd kernel, not " +
                           std::to_string(options.kernel));
  }
}

template <class T>
Shape ResampledConv2d<T>::plan(const Shape& input, Declarations& declarations) {
  check_conv_input(input, kind());
  if (!up() && (input[1] % 2 != 0 || input[2] % 2 != 0)) {
    throw invalid_argument("a convolution halves pictures of even sides, not " + input.to_string());
  }
  const std::int64_t kernel = options_.kernel, channels = options_.channels;
  in_channels_ = input[0];
  shape_ = {.images = 1,
            .channels = up() ? channels : in_channels_,
            .height = up() ? 2 * input[1] : input[1],
            .width = up() ? 2 * input[2] : input[2],
            .out_channels = up() ? in_channels_ : channels,
            .kernel = kernel + 1,
            .stride = 2,
            .padding = (kernel - 1) / 2};
  const ConvOptions plain{
      .channels = channels, .kernel = kernel, .glorot_gain = options_.glorot_gain};
  weight_ = declarations.parameter("weight", {channels, in_channels_, kernel, kernel},
                                   conv_weight_init(plain, in_channels_, channels));
  if (options_.bias) {
    bias_ = declarations.parameter("bias", {channels}, conv_bias_init(plain, in_channels_));
  }
  return up() ? Shape{channels, shape_.height, shape_.width}
              : Shape{channels, shape_.out_height(), shape_.out_width()};
}

template <class T>
std::int64_t ResampledConv2d<T>::folded_size() const {
  return options_.channels * in_channels_ * shape_.kernel * shape_.kernel;
}

template <class T>
std::size_t ResampledConv2d<T>::saved_bytes(std::int64_t) const {
  return 2 * static_cast<std::size_t>(folded_size()) * sizeof(T);
}

// Output channel o and input channel c have the folded weights [o, c] of a convolution, [c, o] of a
// transposed one, whose taps run the other way.
template <class T>
void ResampledConv2d<T>::fold(const ThreadBudget& threads, std::span<const T> weight,
                              std::span<T> folded) const {
  const std::int64_t kernel = options_.kernel, side = kernel + 1;
  const T scale = static_cast<T>(up() ? 1 : 0.25);
  threads.for_each_tile(options_.channels, [&](std::int64_t o) {
    for (std::int64_t c = 0; c < in_channels_; ++c) {
      const T* const from = weight.data() + (o * in_channels_ + c) * kernel * kernel;
      T* const to =
          folded.data() + (up() ? c * options_.channels + o : o * in_channels_ + c) * side * side;
      std::fill_n(to, side * side, T{0});
      for (std::int64_t i = 0; i < kernel; ++i) {
        for (std::int64_t j = 0; j < kernel; ++j) {
          const std::int64_t tap = i * kernel + j;
          const T value = scale * from[up() ? kernel * kernel - 1 - tap : tap];
          T* const corner = to + i * side + j;
          corner[0] += value;
          corner[1] += value;
          corner[side] += value;
          corner[side + 1] += value;
        }
      }
    }
  });
}

template <class T>
void ResampledConv2d<T>::add_unfolded(const ThreadBudget& threads, std::span<const T> folded,
                                      std::span<T> gradient) const {
  const std::int64_t kernel = options_.kernel, side = kernel + 1;
  const T scale = static_cast<T>(up() ? 1 : 0.25);
  threads.for_each_tile(options_.channels, [&](std::int64_t o) {
    for (std::int64_t c = 0; c < in_channels_; ++c) {
      T* const to = gradient.data() + (o * in_channels_ + c) * kernel * kernel;
      const T* const from =
          folded.data() + (up() ? c * options_.channels + o : o * in_channels_ + c) * side * side;
      for (std::int64_t i = 0; i < kernel; ++i) {
        for (std::int64_t j = 0; j < kernel; ++j) {
          const std::int64_t tap = i * kernel + j;
          const T* const corner = from + i * side + j;
          to[up() ? kernel * kernel - 1 - tap : tap] +=
              scale * ((corner[0] + corner[1]) + (corner[side] + corner[side + 1]));
        }
      }
    }
  });
}

template <class T>
void ResampledConv2d<T>::forward(const ForwardArgs<T>& args) const {
  const ThreadBudget& threads = args.context.threads;
  const std::span<T> folded(reinterpret_cast<T*>(args.saved.data()),
                            static_cast<std::size_t>(folded_size()));
  fold(threads, slice_of(args.parameters, weight_), folded);
  ConvShape shape = shape_;
  shape.images = args.batch;
  const bool with_bias = options_.bias && !args.linear_part;
  const auto bias = with_bias ? slice_of(args.parameters, bias_) : std::span<const T>{};
  const std::span<const T> w = folded;
  up() ? convolve_adjoint(threads, shape, args.stored_x(), w, bias, args.stored_y())
       : convolve(threads, shape, args.stored_x(), w, bias, args.stored_y());
}

template <class T>
void ResampledConv2d<T>::backward(const BackwardArgs<T>& args) const {
  const ThreadBudget& threads = args.context.threads;
  const std::span<T> both(reinterpret_cast<T*>(args.saved.data()),
                          2 * static_cast<std::size_t>(folded_size()));
  const std::span<const T> w = part(both, 0, folded_size());
  const std::span<T> dw = part(both, folded_size(), folded_size());
  const std::span<const T> no_bias;
  ConvShape shape = shape_;
  shape.images = args.batch;
  const auto x = args.stored_x(), dy = args.stored_dy();
  const auto dx = args.stored_dx();
  if (!dx.empty()) {
    up() ? convolve(threads, shape, dy, w, no_bias, dx)
         : convolve_adjoint(threads, shape, dy, w, no_bias, dx);
  }
  if (args.gradients.empty()) return;
  std::ranges::fill(dw, T{0});
  up() ? convolve_weights_add(threads, shape, dy, x, dw)
       : convolve_weights_add(threads, shape, x, dy, dw);
  add_unfolded(threads, dw, slice_of(args.gradients, weight_));
  if (args.update != nullptr) args.update->take(weight_, args.gradients);
  if (!options_.bias || args.linear_part) return;
  const std::int64_t pixels =
      up() ? shape.height * shape.width : shape.out_height() * shape.out_width();
  add_conv_bias_gradient(threads, args.batch, pixels, dy, slice_of(args.gradients, bias_));
  if (args.update != nullptr) args.update->take(bias_, args.gradients);
}

template class ResampledConv2d<float>;
template class ResampledConv2d<double>;

}  // namespace miniray
