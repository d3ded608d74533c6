#include "nn/elementwise_layer.h"

namespace miniray {

template <class T>
void ElementwiseLayer<T>::forward(const ForwardArgs<T>& args) const {
  prepare(args);
  const auto x = args.stored_x();
  const auto y = args.stored_y();
  const std::int64_t features = y.size() / args.batch;
  for_each_tile_of_rows(args.context.threads, args.batch, features, [&](const Tile& tile) {
    PartBuffer<T> x_part, y_part;
    for_each_part(tile, features, [&](const RowPart& at) {
      forward_part(args, at, x_part.read(x, at), y_part.room(y, at));
      y_part.write(y, at);
    });
  });
}

template <class T>
void ElementwiseLayer<T>::backward(const BackwardArgs<T>& args) const {
  const auto y = args.stored_y(), dy = args.stored_dy();
  const auto dx = args.stored_dx();
  if (dx.empty()) return;
  const bool uses_y = this->output_use() != OutputUse::kNone;
  const std::int64_t features = dy.size() / args.batch;
  for_each_tile_of_rows(args.context.threads, args.batch, features, [&](const Tile& tile) {
    PartBuffer<T> y_part, dy_part, dx_part;
    for_each_part(tile, features, [&](const RowPart& at) {
      const auto known = uses_y ? y_part.read(y, at) : std::span<const T>();
      backward_part(args, at, known, dy_part.read(dy, at), dx_part.room(dx, at));
      dx_part.write(dx, at);
    });
  });
}

template class ElementwiseLayer<float>;
template class ElementwiseLayer<double>;

}  // namespace miniray
