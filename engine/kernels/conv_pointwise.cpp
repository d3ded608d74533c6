#include "engine/kernels/conv_pointwise.h"

#include <algorithm>

#include "engine/kernels/conv_bands.h"
#include "engine/kernels/conv_tiles.h"
#include "engine/kernels/gemm_panels.h"

namespace miniray {
namespace {

constexpr std::int64_t kLeastPixels = 16;  // of a picture: fewer leave vectors empty

bool is_pointwise(const GatherAxis& axis) {
  return axis.source_step() == 1 && axis.target_step() == 1 && axis.lowest_source() == 0 &&
         axis.source_extent() == axis.target_extent();
}

// w [target channel][source channel], turned where it lies the other way round.
template <class T>
const T* weights_by_target(const ThreadBudget& threads, const Gather& g, const T* w) {
  if (g.w_source_stride == 1) return w;
  const std::int64_t size = g.target_channels * g.source_channels;
  T* const turned =
      reinterpret_cast<T*>(threads.scratch(static_cast<std::size_t>(size) * sizeof(T)));
  conv_kernels<T>().transpose(g.source_channels, g.target_channels, w, g.w_source_stride, turned,
                              g.source_channels);
  return turned;
}

// x[rows, columns] += numbers[rows]
template <class T>
void add_to_columns(std::int64_t rows, std::int64_t columns, std::int64_t stride, const T* numbers,
                    T* x) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) x[r * stride + c] += numbers[r];
  }
}

}  // namespace

bool is_pointwise(const Gather& g) {
  return g.kernel == 1 && is_pointwise(g.rows) && is_pointwise(g.columns) &&
         g.rows.source_extent() * g.columns.source_extent() >= kLeastPixels;
}

template <class T>
void gather_pointwise(const ThreadBudget& threads, const Gather& g, std::span<const T> source,
                      std::span<const T> w, std::span<const T> bias, std::span<T> target) {
  constexpr std::int64_t kMostRows = PanelKernels<T>::kSampleRows;
  const PanelKernels<T>& kernels = panel_kernels<T>();
  const T* const weights = weights_by_target(threads, g, w.data());
  const GemmShape shape{g.target_channels, g.rows.target_extent() * g.columns.target_extent(),
                        g.source_channels};
  const std::int64_t panels = Bands::parts(shape.n, kernels.columns);
  const std::int64_t width =
      kernels.columns * Bands::even_part(panels, PanelKernels<T>::kMaxWidth / kernels.columns);
  const std::int64_t parts = Bands::parts(shape.n, width);
  const std::int64_t row_parts = Bands::parts(shape.m, kMostRows);
  threads.for_each_tile(g.images * row_parts * parts, [&](std::int64_t piece) {
    const std::int64_t image = piece / parts / row_parts, n0 = piece % parts * width;
    const std::int64_t m0 = piece / parts % row_parts * kMostRows;
    const std::int64_t columns = std::min(width, shape.n - n0);
    T* const y = target.data() + image * shape.m * shape.n;
    kernels.nn_piece(shape, weights, source.data() + image * shape.k * shape.n, y, m0, n0, columns);
    if (bias.empty()) return;
    add_to_columns(std::min(kMostRows, shape.m - m0), columns, shape.n, bias.data() + m0,
                   y + m0 * shape.n + n0);
  });
}

template void gather_pointwise<float>(const ThreadBudget&, const Gather&, std::span<const float>,
                                      std::span<const float>, std::span<const float>,
                                      std::span<float>);
template void gather_pointwise<double>(const ThreadBudget&, const Gather&, std::span<const double>,
                                       std::span<const double>, std::span<const double>,
                                       std::span<double>);

}  // namespace miniray
