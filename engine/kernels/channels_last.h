// Pictures with their channels last, and what a network that is only run does with them: no
// gradients, float only, and each result written where the next layer reads it.
//
// A convolution is then a product whose result comes out in the layout that it is wanted in: rows
// are pixels, columns channels, and several convolutions write beside each other into one picture.
//
// All use the threads and the scratch memory of the budget. An element's bits depend on its own
// picture alone, for any number of threads. x and y must not overlap.
#pragma once

#include <cstdint>
#include <span>

#include "engine/parallel.h"
#include "engine/tensor.h"

namespace miniray {

// Some channels of pictures. Not owned. Around each picture may lie a border of zeros, which
// convolutions with padding read.
template <class T>
struct ChannelsLast {
  T* data = nullptr;  // the first channel of the first pixel inside the border
  std::int64_t images = 0, height = 0, width = 0, channels = 0;
  std::int64_t pixel_stride = 0, row_stride = 0, image_stride = 0;  // in elements
  std::int64_t border_height = 0, border_width = 0;                 // on either side

  T* row(std::int64_t image, std::int64_t i) const {
    return data + image * image_stride + i * row_stride;
  }
  // Channels [first, first + count).
  ChannelsLast slice(std::int64_t first, std::int64_t count) const {
    ChannelsLast part = *this;
    part.data += first;
    part.channels = count;
    return part;
  }
  // The first `count` pictures.
  ChannelsLast first_images(std::int64_t count) const {
    ChannelsLast part = *this;
    part.images = count;
    return part;
  }
  ChannelsLast<const T> view() const {
    return {data,         images,     height,       width,         channels,
            pixel_stride, row_stride, image_stride, border_height, border_width};
  }
};

struct InferenceConvShape {
  std::int64_t channels, out_channels;
  std::int64_t kernel_height = 1, kernel_width = 1;
  std::int64_t stride = 1;
  std::int64_t padding_height = 0, padding_width = 0;
  bool relu = true;  // after the bias

  std::int64_t weights() const { return out_channels * channels * kernel_height * kernel_width; }
  std::int64_t out_height(std::int64_t height) const {
    return (height + 2 * padding_height - kernel_height) / stride + 1;
  }
  std::int64_t out_width(std::int64_t width) const {
    return (width + 2 * padding_width - kernel_width) / stride + 1;
  }
};

// A convolution whose weights were packed once, into the panels of the SIMD target in use.
class InferenceConv {
 public:
  // weights [out_channels, channels, kernel_height, kernel_width]; bias [out_channels].
  InferenceConv(const InferenceConvShape& shape, std::span<const float> weights,
                std::span<const float> bias);

  const InferenceConvShape& shape() const { return shape_; }
  // x's border must be at least the padding. Throws invalid argument where extents do not fit.
  void run(const ThreadBudget& threads, const ChannelsLast<const float>& x,
           const ChannelsLast<float>& y) const;

 private:
  InferenceConvShape shape_;
  Tensor<float> panels_;  // [panel][row tap][column tap][channel][columns of a panel]
  Tensor<float> bias_;    // [out_channels], zeros up to whole panels
};

struct PoolShape {
  std::int64_t kernel, stride, padding;
};

// y: of each window, the largest element, or the mean; elements outside of x do not count. Throw
// invalid argument where extents do not fit.
void max_pool(const ThreadBudget& threads, const PoolShape& shape,
              const ChannelsLast<const float>& x, const ChannelsLast<float>& y);
void average_pool(const ThreadBudget& threads, const PoolShape& shape,
                  const ChannelsLast<const float>& x, const ChannelsLast<float>& y);

// Zeros into the borders of all channels; x must have them all.
void clear_border(const ThreadBudget& threads, const ChannelsLast<float>& x);

}  // namespace miniray
