#include "nn/dropout.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/random_mask.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kSamplesPerTile = 16;

template <class T>
void copy_tile(const Tile& tile, std::int64_t features, std::span<const T> from, std::span<T> to) {
  if (from.data() == to.data()) return;
  for (std::int64_t row = tile.row; row < tile.row + tile.rows; ++row) {
    std::ranges::copy(row_of_tile(from, features, row, tile),
                      row_of_tile(to, features, row, tile).begin());
  }
}

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
void Dropout<T>::forward_tile(const ForwardArgs<T>& args, const Tile& tile) const {
  if (args.context.training) return mask_tile(tile, args.saved, args.x, args.y);
  copy_tile(tile, features_, args.x, args.y);
}

template <class T>
void Dropout<T>::backward_tile(const BackwardArgs<T>& args, const Tile& tile) const {
  if (args.context.training) return mask_tile(tile, args.saved, args.dy, args.dx);
  copy_tile(tile, features_, args.dy, args.dx);
}

template <class T>
void Dropout<T>::mask_tile(const Tile& tile, std::span<const std::byte> saved,
                           std::span<const T> from, std::span<T> to) const {
  const std::span<const std::uint8_t> masks(reinterpret_cast<const std::uint8_t*>(saved.data()),
                                            saved.size());
  const T scale = static_cast<T>(1 / (1 - p_));
  for (std::int64_t row = tile.row; row < tile.row + tile.rows; ++row) {
    elementwise<T>().masked_scale(
        scale, row_of_tile(from, features_, row, tile),
        part(masks, row * mask_bytes_ + tile.column / 8, (tile.columns + 7) / 8),
        row_of_tile(to, features_, row, tile));
  }
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace miniray
