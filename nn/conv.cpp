#include "nn/conv.h"

#include <algorithm>

#include "engine/error.h"
#include "nn/conv_parameters.h"

namespace miniray {
namespace {

ConvShape with_images(ConvShape shape, std::int64_t images) {
  shape.images = images;
  return shape;
}

template <class T>
std::span<const T> bias_of(std::span<const T> parameters, bool has_bias, const Slice& bias) {
  return has_bias ? slice_of(parameters, bias) : std::span<const T>{};
}

template <class T>
void take_update(const BackwardArgs<T>& args, const Slice& weight, const Slice& bias,
                 bool has_bias) {
  if (args.update == nullptr) return;
  args.update->take(weight, args.gradients);
  if (has_bias) args.update->take(bias, args.gradients);
}

}  // namespace

template <class T>
Conv2d<T>::Conv2d(const ConvOptions& options) : options_(options) {
  check_conv_options(options, kind());
}

template <class T>
Shape Conv2d<T>::plan(const Shape& input, Declarations& declarations) {
  check_conv_input(input, kind());
  const std::int64_t kernel = options_.kernel;
  if (std::min(input[1], input[2]) + 2 * options_.padding < kernel) {
    throw invalid_argument("a Conv2d kernel of " + std::to_string(kernel) + " is larger than its " +
                           input.to_string() + " input with padding " +
                           std::to_string(options_.padding));
  }
  shape_ = {1,      input[0],        input[1],        input[2], options_.channels,
            kernel, options_.stride, options_.padding};
  weight_ = declarations.parameter("weight", {options_.channels, input[0], kernel, kernel},
                                   conv_weight_init(options_, input[0], options_.channels));
  if (options_.bias) {
    bias_ = declarations.parameter("bias", {options_.channels}, conv_bias_init(options_, input[0]));
  }
  return {options_.channels, shape_.out_height(), shape_.out_width()};
}

template <class T>
void Conv2d<T>::forward(const ForwardArgs<T>& args) const {
  convolve(args.context.threads, with_images(shape_, args.batch), args.stored_x(),
           slice_of(args.parameters, weight_),
           bias_of(args.parameters, options_.bias && !args.linear_part, bias_), args.stored_y());
}

template <class T>
void Conv2d<T>::backward(const BackwardArgs<T>& args) const {
  const ThreadBudget& threads = args.context.threads;
  const ConvShape shape = with_images(shape_, args.batch);
  if (!args.stored_dx().empty()) {
    convolve_adjoint(threads, shape, args.stored_dy(), slice_of(args.parameters, weight_),
                     std::span<const T>{}, args.stored_dx());
  }
  if (args.gradients.empty()) return;
  convolve_weights_add(threads, shape, args.stored_x(), args.stored_dy(),
                       slice_of(args.gradients, weight_));
  if (options_.bias && !args.linear_part) {
    add_conv_bias_gradient(threads, args.batch, shape.out_height() * shape.out_width(),
                           args.stored_dy(), slice_of(args.gradients, bias_));
  }
  take_update(args, weight_, bias_, options_.bias);
}

template <class T>
ConvTranspose2d<T>::ConvTranspose2d(const ConvOptions& options) : options_(options) {
  check_conv_options(options, kind());
}

template <class T>
Shape ConvTranspose2d<T>::plan(const Shape& input, Declarations& declarations) {
  check_conv_input(input, kind());
  const auto& [channels, kernel, stride, padding, bias, gain] = options_;
  const std::int64_t height = (input[1] - 1) * stride - 2 * padding + kernel;
  const std::int64_t width = (input[2] - 1) * stride - 2 * padding + kernel;
  if (std::min(height, width) < 1) {
    throw invalid_argument("a ConvTranspose2d with padding " + std::to_string(padding) +
                           " leaves nothing of its " + input.to_string() + " input");
  }
  shape_ = {1, channels, height, width, input[0], kernel, stride, padding};
  weight_ = declarations.parameter("weight", {input[0], channels, kernel, kernel},
                                   conv_weight_init(options_, channels, input[0]));
  if (bias) bias_ = declarations.parameter("bias", {channels}, conv_bias_init(options_, channels));
  return {channels, height, width};
}

template <class T>
void ConvTranspose2d<T>::forward(const ForwardArgs<T>& args) const {
  convolve_adjoint(args.context.threads, with_images(shape_, args.batch), args.stored_x(),
                   slice_of(args.parameters, weight_),
                   bias_of(args.parameters, options_.bias, bias_), args.stored_y());
}

template <class T>
void ConvTranspose2d<T>::backward(const BackwardArgs<T>& args) const {
  const ThreadBudget& threads = args.context.threads;
  const ConvShape shape = with_images(shape_, args.batch);
  if (!args.stored_dx().empty()) {
    convolve(threads, shape, args.stored_dy(), slice_of(args.parameters, weight_),
             std::span<const T>{}, args.stored_dx());
  }
  if (args.gradients.empty()) return;
  convolve_weights_add(threads, shape, args.stored_dy(), args.stored_x(),
                       slice_of(args.gradients, weight_));
  if (options_.bias) {
    add_conv_bias_gradient(threads, args.batch, shape.height * shape.width, args.stored_dy(),
                           slice_of(args.gradients, bias_));
  }
  take_update(args, weight_, bias_, options_.bias);
}

template class Conv2d<float>;
template class Conv2d<double>;
template class ConvTranspose2d<float>;
template class ConvTranspose2d<double>;

}  // namespace miniray
