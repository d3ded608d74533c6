#include "nn/pooling.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/kernels/reduce.h"
#include "engine/kernels/resample.h"

namespace miniray {
namespace {

void check_pictures(const Shape& input, const std::string& kind) {
  if (input.rank() == 3) return;
  throw invalid_argument(kind + " takes pictures (channels x height x width), not " +
                         input.to_string());
}

// Each sample's `rows` x `columns` at half the size, and what has twice as many of both.
template <class T>
void spread_samples(const ThreadBudget& threads, std::int64_t batch, std::int64_t rows,
                    std::int64_t columns, T scale, std::span<const T> small, std::span<T> large,
                    TileFunction finished) {
  const std::int64_t size = rows * columns;
  threads.for_each_tile(batch, [&](std::int64_t n) {
    resample<T>().spread(rows, columns, scale, small.data() + n * size,
                         large.data() + 4 * n * size);
    finished(Tile{n, 1, 0, 4 * size});
  });
}

template <class T>
void gather_samples(const ThreadBudget& threads, std::int64_t batch, std::int64_t rows,
                    std::int64_t columns, T scale, std::span<const T> large, std::span<T> small,
                    TileFunction finished) {
  const std::int64_t size = rows * columns;
  threads.for_each_tile(batch, [&](std::int64_t n) {
    resample<T>().gather(rows, columns, scale, large.data() + 4 * n * size,
                         small.data() + n * size);
    finished(Tile{n, 1, 0, size});
  });
}

constexpr double kQuarter = 0.25;

}  // namespace

template <class T>
Shape Upsample2d<T>::plan(const Shape& input, Declarations&) {
  check_pictures(input, kind());
  rows_ = input[0] * input[1];
  columns_ = input[2];
  return {input[0], 2 * input[1], 2 * input[2]};
}

template <class T>
void Upsample2d<T>::forward(const ForwardArgs<T>& args) const {
  spread_samples(args.context.threads, args.batch, rows_, columns_, T{1}, args.x, args.y,
                 args.finished);
}

template <class T>
void Upsample2d<T>::backward(const BackwardArgs<T>& args) const {
  if (args.dx.empty()) return;
  gather_samples(args.context.threads, args.batch, rows_, columns_, T{1}, args.dy, args.dx,
                 args.finished);
}

template <class T>
Shape AvgPool2d<T>::plan(const Shape& input, Declarations&) {
  check_pictures(input, kind());
  if (input[1] % 2 != 0 || input[2] % 2 != 0) {
    throw invalid_argument("AvgPool2d halves pictures of even sides, not " + input.to_string());
  }
  rows_ = input[0] * input[1] / 2;
  columns_ = input[2] / 2;
  return {input[0], input[1] / 2, input[2] / 2};
}

template <class T>
void AvgPool2d<T>::forward(const ForwardArgs<T>& args) const {
  gather_samples(args.context.threads, args.batch, rows_, columns_, static_cast<T>(kQuarter),
                 args.x, args.y, args.finished);
}

template <class T>
void AvgPool2d<T>::backward(const BackwardArgs<T>& args) const {
  if (args.dx.empty()) return;
  spread_samples(args.context.threads, args.batch, rows_, columns_, static_cast<T>(kQuarter),
                 args.dy, args.dx, args.finished);
}

template <class T>
Shape GlobalPool<T>::plan(const Shape& input, Declarations&) {
  check_pictures(input, this->kind());
  channels_ = input[0];
  pixels_ = input[1] * input[2];
  return {channels_};
}

template <class T>
void GlobalPool<T>::forward(const ForwardArgs<T>& args) const {
  args.context.threads.for_each_tile(args.batch, [&](std::int64_t n) {
    for (std::int64_t i = n * channels_; i < (n + 1) * channels_; ++i) {
      args.y[static_cast<std::size_t>(i)] =
          reduce<T>().block_sum({1, pixels_, pixels_}, args.x.data() + i * pixels_) / divisor();
    }
    args.finished(Tile{n, 1, 0, channels_});
  });
}

template <class T>
void GlobalPool<T>::backward(const BackwardArgs<T>& args) const {
  if (args.dx.empty()) return;
  args.context.threads.for_each_tile(args.batch, [&](std::int64_t n) {
    for (std::int64_t i = n * channels_; i < (n + 1) * channels_; ++i) {
      std::ranges::fill(part(args.dx, i * pixels_, pixels_),
                        args.dy[static_cast<std::size_t>(i)] / divisor());
    }
    args.finished(Tile{n, 1, 0, channels_ * pixels_});
  });
}

template class Upsample2d<float>;
template class Upsample2d<double>;
template class AvgPool2d<float>;
template class AvgPool2d<double>;
template class GlobalPool<float>;
template class GlobalPool<double>;

}  // namespace miniray
