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

// Calls body(from, to) for each sample, stored as bfloat16 or not, then finished. Sizes are of a
// sample.
template <class T, class Body>
void for_each_sample(const ThreadBudget& threads, std::int64_t batch, StoredSpan<const T> from,
                     StoredSpan<T> to, TileFunction finished, Body body) {
  const std::int64_t from_size = from.size() / batch, to_size = to.size() / batch;
  const std::int64_t from_room = from.is_rounded() ? from_size : 0;
  const std::int64_t room = from_room + (to.is_rounded() ? to_size : 0);
  T* const memory = reinterpret_cast<T*>(
      threads.scratch(static_cast<std::size_t>(threads.threads() * room) * sizeof(T)));
  threads.for_each_tile_in_slot(batch, [&](std::int64_t n, int slot) {
    T* const own = memory + slot * room;
    if (from.is_rounded()) widen_block<T>(1, from_size, from.rounded(), n * from_size, 0, own, 0);
    T* const target = to.is_rounded() ? own + from_room : to.exact().data() + n * to_size;
    body(from.is_rounded() ? own : from.exact().data() + n * from_size, target);
    if (to.is_rounded()) round_block<T>(1, to_size, target, 0, to.rounded(), n * to_size, 0);
    finished(Tile{n, 1, 0, to_size});
  });
}

// Each sample's `rows` x `columns` at half the size, and what has twice as many of both.
template <class T>
void spread_samples(const ThreadBudget& threads, std::int64_t batch, std::int64_t rows,
                    std::int64_t columns, T scale, StoredSpan<const T> small, StoredSpan<T> large,
                    TileFunction finished) {
  for_each_sample<T>(threads, batch, small, large, finished, [&](const T* from, T* to) {
    resample<T>().spread(rows, columns, scale, from, to);
  });
}

template <class T>
void gather_samples(const ThreadBudget& threads, std::int64_t batch, std::int64_t rows,
                    std::int64_t columns, T scale, StoredSpan<const T> large, StoredSpan<T> small,
                    TileFunction finished) {
  for_each_sample<T>(threads, batch, large, small, finished, [&](const T* from, T* to) {
    resample<T>().gather(rows, columns, scale, from, to);
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
  spread_samples(args.context.threads, args.batch, rows_, columns_, T{1}, args.stored_x(),
                 args.stored_y(), args.finished);
}

template <class T>
void Upsample2d<T>::backward(const BackwardArgs<T>& args) const {
  if (args.stored_dx().empty()) return;
  gather_samples(args.context.threads, args.batch, rows_, columns_, T{1}, args.stored_dy(),
                 args.stored_dx(), args.finished);
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
                 args.stored_x(), args.stored_y(), args.finished);
}

template <class T>
void AvgPool2d<T>::backward(const BackwardArgs<T>& args) const {
  if (args.stored_dx().empty()) return;
  spread_samples(args.context.threads, args.batch, rows_, columns_, static_cast<T>(kQuarter),
                 args.stored_dy(), args.stored_dx(), args.finished);
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
  for_each_sample<T>(args.context.threads, args.batch, args.stored_x(), args.stored_y(),
                     args.finished, [&](const T* x, T* y) {
                       const Block plane{1, pixels_, pixels_};
                       for (std::int64_t c = 0; c < channels_; ++c) {
                         y[c] = reduce<T>().block_sum(plane, x + c * pixels_) / divisor();
                       }
                     });
}

template <class T>
void GlobalPool<T>::backward(const BackwardArgs<T>& args) const {
  if (args.stored_dx().empty()) return;
  for_each_sample<T>(args.context.threads, args.batch, args.stored_dy(), args.stored_dx(),
                     args.finished, [&](const T* dy, T* dx) {
                       for (std::int64_t c = 0; c < channels_; ++c) {
                         std::fill_n(dx + c * pixels_, pixels_, dy[c] / divisor());
                       }
                     });
}

template class Upsample2d<float>;
template class Upsample2d<double>;
template class AvgPool2d<float>;
template class AvgPool2d<double>;
template class GlobalPool<float>;
template class GlobalPool<double>;

}  // namespace miniray
