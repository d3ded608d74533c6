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
void Dropout<T>::forward(const ForwardArgs<T>& args) const {
  if (!args.context.training) {
    std::ranges::copy(args.x, args.y.begin());
    return;
  }
  const std::span<std::uint8_t> masks(reinterpret_cast<std::uint8_t*>(args.saved.data()),
                                      args.saved.size());
  const T scale = static_cast<T>(1 / (1 - p_));
  for_each_range(
      args.context.threads, args.batch, kSamplesPerTile, [&](std::int64_t n, std::int64_t count) {
        for (std::int64_t i = n; i < n + count; ++i) {
          const auto mask = part(masks, i * mask_bytes_, mask_bytes_);
          const std::int64_t sample = args.context.samples.of_row(i);
          fill_mask(args.random, 1 - p_, static_cast<std::uint64_t>(sample * mask_bytes_), mask);
          elementwise<T>().masked_scale(scale, part(args.x, i * features_, features_), mask,
                                        part(args.y, i * features_, features_));
        }
      });
}

template <class T>
void Dropout<T>::backward(const BackwardArgs<T>& args) const {
  if (args.dx.empty()) return;
  if (!args.context.training) {
    std::ranges::copy(args.dy, args.dx.begin());
    return;
  }
  const std::span<const std::uint8_t> masks(
      reinterpret_cast<const std::uint8_t*>(args.saved.data()), args.saved.size());
  const T scale = static_cast<T>(1 / (1 - p_));
  for_each_range(args.context.threads, args.batch, kSamplesPerTile,
                 [&](std::int64_t n, std::int64_t count) {
                   for (std::int64_t i = n; i < n + count; ++i) {
                     elementwise<T>().masked_scale(scale, part(args.dy, i * features_, features_),
                                                   part(masks, i * mask_bytes_, mask_bytes_),
                                                   part(args.dx, i * features_, features_));
                   }
                 });
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace miniray
