#include "nn/dense.h"

#include <cmath>

#include "engine/kernels/gemm.h"
#include "engine/kernels/reduce.h"

namespace miniray {
namespace {

constexpr std::int64_t kColumnsPerTile = 256;

}  // namespace

template <class T>
Dense<T>::Dense(const Shape& output, double glorot_gain)
    : output_(output), out_features_(output.elements()), glorot_gain_(glorot_gain) {}

template <class T>
Shape Dense<T>::plan(const Shape& input, Declarations& declarations) {
  in_features_ = input.elements();
  const bool glorot = glorot_gain_ > 0;
  const Init init = Init::uniform(1 / std::sqrt(static_cast<double>(in_features_)));
  weight_ =
      declarations.weights("weight", {out_features_, in_features_},
                           glorot ? Init::glorot(glorot_gain_, in_features_, out_features_) : init);
  bias_ = declarations.parameter("bias", {out_features_}, glorot ? Init::constant(0) : init);
  return output_;
}

template <class T>
void Dense<T>::forward(const ForwardArgs<T>& args) const {
  const auto bias = args.linear_part ? std::span<const T>() : slice_of(args.parameters, bias_);
  gemm_nt(args.context.threads, {args.batch, out_features_, in_features_}, args.x,
          slice_of(args.parameters, weight_), bias, args.y, args.finished, weight_.layout);
}

template <class T>
void Dense<T>::backward(const BackwardArgs<T>& args) const {
  const ThreadBudget& threads = args.context.threads;
  if (!args.dx.empty()) {
    gemm_nn(threads, {args.batch, in_features_, out_features_}, args.dy,
            slice_of(args.parameters, weight_), args.dx, args.finished, weight_.layout);
  }
  if (args.gradients.empty()) return;
  const GemmShape shape{out_features_, in_features_, args.batch};
  if (args.update == nullptr || weight_.layout == Layout::kRows) {
    gemm_tn_add(threads, shape, args.dy, args.x, slice_of(args.gradients, weight_), weight_.layout);
    if (args.update != nullptr) args.update->take(weight_, args.gradients);
  } else {
    gemm_tn_adam(threads, shape, args.dy, args.x, args.update->factors, args.update->of(weight_));
  }
  if (args.linear_part) return;
  T* const db = slice_of(args.gradients, bias_).data();
  for_each_range(threads, out_features_, kColumnsPerTile,
                 [&](std::int64_t begin, std::int64_t width) {
                   reduce<T>().add_column_sums({args.batch, width, out_features_},
                                               args.dy.data() + begin, db + begin);
                 });
  if (args.update != nullptr) args.update->take(bias_, args.gradients);
}

template class Dense<float>;
template class Dense<double>;

}  // namespace miniray
