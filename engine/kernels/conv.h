// Convolutions of pictures (cross-correlations, as every library of networks calls by that name).
//
// One geometry relates x [images, channels, height, width] and y [images, out_channels,
// out_height, out_width] by weights w [out_channels, channels, kernel, kernel]:
//
//   y[n, o, i, j] = sum over c, a, b of x[n, c, i stride + a - padding, j stride + b - padding]
//                   w[o, c, a, b]
//
// with zeros outside of x. A transposed convolution is the adjoint: it makes x-like pictures of
// y-like ones. So three functions serve both layers, forward and backward:
//
//                               Conv2d             ConvTranspose2d
//   convolve                    forward            input gradient
//   convolve_adjoint            input gradient     forward
//   convolve_weights_add        weight gradient    weight gradient, x and y exchanged
//
// Every element has the same bits for any number of threads; one of a picture, also whatever
// pictures are around it. T is float or double; spans are dense, row-major and do not overlap.
// Working memory is the scratch memory of the thread budget: what a few pictures and up to 2.25
// times the weights take. Pictures may be stored as bfloat16: widened as they are read, rounded as
// they are written, and computed as floats; not where covers_whole_pictures.
#pragma once

#include <cstdint>
#include <span>

#include "engine/parallel.h"
#include "engine/stored_span.h"

namespace miniray {

struct ConvShape {
  std::int64_t images;
  std::int64_t channels, height, width;  // of x
  std::int64_t out_channels;             // of y
  std::int64_t kernel, stride, padding;  // the same for both axes

  std::int64_t out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  std::int64_t out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
};

// Whether the kernel has one place on x, which it covers: then a product of matrices does it all.
inline bool covers_whole_pictures(const ConvShape& shape) {
  return shape.padding == 0 && shape.kernel == shape.height && shape.kernel == shape.width;
}

// Pictures of another function's T.
template <class T>
using Pictures = StoredSpan<std::type_identity_t<T>>;

// y from x, plus bias [out_channels]; an empty bias is none.
template <class T>
void convolve(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> x,
              std::span<const T> w, std::span<const T> bias, Pictures<T> y);

// x[n, c, ...] = the sum of w[o, c, a, b] y[n, o, i, j] over all that x[n, c, ...] takes part in
// above, plus bias [channels]; an empty bias is none.
template <class T>
void convolve_adjoint(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> y,
                      std::span<const T> w, std::span<const T> bias, Pictures<T> x);

// w[o, c, a, b] += sum over n, i, j of x[n, c, i stride + a - padding, j stride + b - padding]
//                  y[n, o, i, j]
template <class T>
void convolve_weights_add(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> x,
                          Pictures<const T> y, std::span<T> w);

}  // namespace miniray
