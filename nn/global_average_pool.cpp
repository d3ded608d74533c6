#include "nn/global_average_pool.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/kernels/reduce.h"
#include "engine/span.h"

namespace miniray {

template <class T>
Shape GlobalAveragePool<T>::plan(const Shape& input, Declarations&) {
  if (input.rank() != 3) {
    throw invalid_argument("AdaptiveAvgPool2d takes pictures (channels x height x width), not " +
                           input.to_string());
  }
  channels_ = input[0];
  pixels_ = input[1] * input[2];
  return {channels_};
}

template <class T>
void GlobalAveragePool<T>::forward(const ForwardArgs<T>& args) const {
  args.context.threads.for_each_tile(args.batch, [&](std::int64_t n) {
    for (std::int64_t c = n * channels_; c < (n + 1) * channels_; ++c) {
      const T sum = reduce<T>().block_sum({1, pixels_, pixels_}, args.x.data() + c * pixels_);
      args.y[static_cast<std::size_t>(c)] = sum / static_cast<T>(pixels_);
    }
  });
}

template <class T>
void GlobalAveragePool<T>::backward(const BackwardArgs<T>& args) const {
  if (args.dx.empty()) return;
  args.context.threads.for_each_tile(args.batch, [&](std::int64_t n) {
    for (std::int64_t c = n * channels_; c < (n + 1) * channels_; ++c) {
      std::ranges::fill(part(args.dx, c * pixels_, pixels_),
                        args.dy[static_cast<std::size_t>(c)] / static_cast<T>(pixels_));
    }
  });
}

template class GlobalAveragePool<float>;
template class GlobalAveragePool<double>;

}  // namespace miniray
