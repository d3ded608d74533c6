#include "nn/dropout.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/random_mask.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kSamplesPerTile = 16;

}  // namespace

template <class T>
Dropout<T>::Dropout(double p) : p_(p) {
  if (!(p >= 0 && p < 1)) {
    throw invalid_argument("the probability of dropout must be in [0, 1), not " +
                           std::to_string(p));
  }
}

template <class T>
Shape Dropout<T>::plan(const Shape& input, Declarations&) {
  features_ = input.elements();
  mask_bytes_ = (features_ + 7) / 8;
  return input;
}

template <class T>
std::size_t Dropout<T>::saved_bytes(std::int64_t batch) const {
  return static_cast<std::size_t>(batch * mask_bytes_);
}

template <class T>
void Dropout<T>::prepare(const ForwardArgs<T>& args) const {
  if (!args.context.training) return;
  const std::span<std::uint8_t> masks(reinterpret_cast<std::uint8_t*>(args.saved.data()),
                                      args.saved.size());
  for_each_range(args.context.threads, args.batch, kSamplesPerTile,
                 [&](std::int64_t first, std::int64_t count) {
                   for (std::int64_t row = first; row < first + count; ++row) {
                     const std::int64_t sample = args.context.samples.of_row(row);
                     fill_mask(args.random, 1 - p_,
                               static_cast<std::uint64_t>(sample * mask_bytes_),
                               part(masks, row * mask_bytes_, mask_bytes_));
                   }
                 });
}

template <class T>
void Dropout<T>::forward_part(const ForwardArgs<T>& args, const RowPart& at, std::span<const T> x,
                              std::span<T> y) const {
  mask(args.context.training, at, args.saved, x, y);
}

template <class T>
void Dropout<T>::backward_part(const BackwardArgs<T>& args, const RowPart& at, std::span<const T>,
                               std::span<const T> dy, std::span<T> dx) const {
  mask(args.context.training, at, args.saved, dy, dx);
}

template <class T>
void Dropout<T>::mask(bool training, const RowPart& at, std::span<const std::byte> saved,
                      std::span<const T> from, std::span<T> to) const {
  if (!training) {
    if (from.data() != to.data()) std::ranges::copy(from, to.begin());
    return;
  }
  const std::span<const std::uint8_t> masks(reinterpret_cast<const std::uint8_t*>(saved.data()),
                                            saved.size());
  const auto bits = part(masks, at.row * mask_bytes_ + at.column / 8, (at.size + 7) / 8);
  elementwise<T>().masked_scale(static_cast<T>(1 / (1 - p_)), from, bits, to);
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace miniray
