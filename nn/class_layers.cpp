#include "nn/class_layers.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/reduce.h"

namespace miniray {

void check_labels(const PassContext& context, std::int64_t batch, std::int64_t classes) {
  if (static_cast<std::int64_t>(context.labels.size()) != batch) {
    throw invalid_argument("a network that takes classes was given " +
                           std::to_string(context.labels.size()) + " labels for " +
                           std::to_string(batch) + " samples");
  }
  for (const std::int32_t label : context.labels) {
    if (label < 0 || label >= classes) {
      throw invalid_argument("the class " + std::to_string(label) + " is none of the network's " +
                             std::to_string(classes));
    }
  }
}

template <class T>
ClassEmbedding<T>::ClassEmbedding(std::int64_t classes, std::int64_t extra)
    : classes_(classes), extra_(extra) {}

template <class T>
Shape ClassEmbedding<T>::plan(const Shape& input, Declarations& declarations) {
  Shape output{input[0] + extra_};
  for (int i = 1; i < input.rank(); ++i) output.append(input[i]);
  in_size_ = input.elements();
  added_ = output.elements() - in_size_;
  weight_ = declarations.parameter("weight", {classes_, added_}, Init::uniform(std::sqrt(3.0)));
  return output;
}

template <class T>
void ClassEmbedding<T>::forward(const ForwardArgs<T>& args) const {
  check_labels(args.context, args.batch, classes_);
  const auto table = slice_of(args.parameters, weight_);
  args.context.threads.for_each_tile(args.batch, [&](std::int64_t n) {
    const std::int64_t label = args.context.labels[static_cast<std::size_t>(n)];
    const auto y = part(args.y, n * (in_size_ + added_), in_size_ + added_);
    std::ranges::copy(part(args.x, n * in_size_, in_size_), y.begin());
    const auto added = part(y, in_size_, added_);
    if (args.linear_part) {
      std::ranges::fill(added, T{0});
    } else {
      std::ranges::copy(part(table, label * added_, added_), added.begin());
    }
  });
}

template <class T>
void ClassEmbedding<T>::backward(const BackwardArgs<T>& args) const {
  if (!args.dx.empty()) {
    args.context.threads.for_each_tile(args.batch, [&](std::int64_t n) {
      std::ranges::copy(part(args.dy, n * (in_size_ + added_), in_size_),
                        part(args.dx, n * in_size_, in_size_).begin());
    });
  }
  if (args.gradients.empty() || args.linear_part) return;
  const auto gradient = slice_of(args.gradients, weight_);
  for (std::int64_t n = 0; n < args.batch; ++n) {
    const std::int64_t label = args.context.labels[static_cast<std::size_t>(n)];
    elementwise<T>().add_scaled(T{1}, part(args.dy, n * (in_size_ + added_) + in_size_, added_),
                                part(gradient, label * added_, added_));
  }
  if (args.update != nullptr) args.update->take(weight_, args.gradients);
}

template <class T>
Shape ClassProjection<T>::plan(const Shape& input, Declarations& declarations) {
  if (input.rank() != 1) {
    throw invalid_argument("ClassProjection takes samples of one extent, not " + input.to_string());
  }
  features_ = input[0];
  weight_ =
      declarations.parameter("weight", {classes_, features_}, Init::glorot(1, features_, classes_));
  return {1};
}

template <class T>
void ClassProjection<T>::forward(const ForwardArgs<T>& args) const {
  check_labels(args.context, args.batch, classes_);
  const T* const table = slice_of(args.parameters, weight_).data();
  for (std::int64_t n = 0; n < args.batch; ++n) {
    const std::int64_t label = args.context.labels[static_cast<std::size_t>(n)];
    args.y[static_cast<std::size_t>(n)] = reduce<T>().block_products(
        {1, features_, features_}, args.x.data() + n * features_, T{0}, table + label * features_);
  }
}

template <class T>
void ClassProjection<T>::backward(const BackwardArgs<T>& args) const {
  const auto table = slice_of(args.parameters, weight_);
  for (std::int64_t n = 0; n < args.batch; ++n) {
    const std::int64_t row = args.context.labels[static_cast<std::size_t>(n)] * features_;
    const T dy = args.dy[static_cast<std::size_t>(n)];
    if (!args.dx.empty()) {
      const auto dx = part(args.dx, n * features_, features_);
      std::ranges::transform(part(table, row, features_), dx.begin(),
                             [&](T weight) { return dy * weight; });
    }
    if (args.gradients.empty()) continue;
    elementwise<T>().add_scaled(dy, part(args.x, n * features_, features_),
                                part(slice_of(args.gradients, weight_), row, features_));
  }
  if (args.update != nullptr && !args.gradients.empty()) {
    args.update->take(weight_, args.gradients);
  }
}

template class ClassEmbedding<float>;
template class ClassEmbedding<double>;
template class ClassProjection<float>;
template class ClassProjection<double>;

}  // namespace miniray
