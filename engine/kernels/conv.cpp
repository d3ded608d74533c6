#include "engine/kernels/conv.h"

#include "engine/kernels/conv_gather.h"
#include "engine/kernels/gemm.h"

namespace miniray {

template <class T>
void convolve(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> x,
              std::span<const T> w, std::span<const T> bias, Pictures<T> y) {
  if (covers_whole_pictures(shape)) {
    return gemm_nt(threads,
                   {shape.images, shape.out_channels, shape.channels * shape.kernel * shape.kernel},
                   x.exact(), w, bias, y.exact());
  }
  gather<T>(threads, gather_of_convolution(shape), x, w, bias, y);
}

template <class T>
void convolve_adjoint(const ThreadBudget& threads, const ConvShape& shape, Pictures<const T> y,
                      std::span<const T> w, std::span<const T> bias, Pictures<T> x) {
  if (covers_whole_pictures(shape) && bias.empty()) {
    return gemm_nn(threads,
                   {shape.images, shape.channels * shape.kernel * shape.kernel, shape.out_channels},
                   y.exact(), w, x.exact());
  }
  gather<T>(threads, gather_of_adjoint(shape), y, w, bias, x);
}

#define MINIRAY_CONV(T)                                                                       \
  template void convolve<T>(const ThreadBudget&, const ConvShape&, Pictures<const T>,         \
                            std::span<const T>, std::span<const T>, Pictures<T>);             \
  template void convolve_adjoint<T>(const ThreadBudget&, const ConvShape&, Pictures<const T>, \
                                    std::span<const T>, std::span<const T>, Pictures<T>);
MINIRAY_CONV(float)
MINIRAY_CONV(double)
#undef MINIRAY_CONV

}  // namespace miniray
