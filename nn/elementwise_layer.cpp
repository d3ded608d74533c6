#include "nn/elementwise_layer.h"

#include <algorithm>

namespace miniray {
namespace {

constexpr std::int64_t kElementsPerTile = 16384;

// Calls body(tile) for tiles of whole rows.
template <class Body>
void for_each_tile_of(const ThreadBudget& threads, std::int64_t batch, std::size_t elements,
                      Body body) {
  const std::int64_t features = static_cast<std::int64_t>(elements) / batch;
  const std::int64_t rows = std::max<std::int64_t>(1, kElementsPerTile / features);
  for_each_range(threads, batch, rows, [&](std::int64_t row, std::int64_t count) {
    body(Tile{row, count, 0, features});
  });
}

}  // namespace

template <class T>
void ElementwiseLayer<T>::forward(const ForwardArgs<T>& args) const {
  prepare(args);
  for_each_tile_of(args.context.threads, args.batch, args.y.size(),
                   [&](const Tile& tile) { forward_tile(args, tile); });
}

template <class T>
void ElementwiseLayer<T>::backward(const BackwardArgs<T>& args) const {
  if (args.dx.empty()) return;
  for_each_tile_of(args.context.threads, args.batch, args.dy.size(),
                   [&](const Tile& tile) { backward_tile(args, tile); });
}

template class ElementwiseLayer<float>;
template class ElementwiseLayer<double>;

}  // namespace miniray
