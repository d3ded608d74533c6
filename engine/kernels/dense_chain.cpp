#include "engine/kernels/dense_chain.h"

#include <algorithm>

#include "engine/kernels/gemm_panels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/dense_chain.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/panel_products-inl.h"
#include "engine/kernels/pixels-inl.h"
#include "engine/kernels/tanh-inl.h"
#include "engine/kernels/transpose-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

using Floats = hn::ScalableTag<float>;
using Words = hn::ScalableTag<std::int32_t>;
constexpr std::int64_t kLanes = TileSize<float>::kLanes;

// Features [first, first + rows) of x W^T: the panel of sample s goes to y + s / columns *
// panel_stride, and finished(s) is called then.
template <class Finished>
HWY_INLINE void multiply(const ChainLayer& layer, std::int64_t samples, const float* x,
                         std::int64_t first, std::int64_t rows, float* y, std::int64_t panel_stride,
                         Finished finished) {
  const GemmShape shape{samples, layer.out, layer.in};
  if (layout_for(layer.in) == Layout::kRows) {
    rows_times_panels(shape, x, layer.weight, first, rows, y, panel_stride, finished);
  } else {
    blocks_times_panels(shape, x, layer.weight, first, rows, y, panel_stride, finished);
  }
}

// What follows the product for numbers of one feature.
HWY_INLINE hn::Vec<Floats> finish(const ChainLayer& layer, std::int64_t feature,
                                  hn::Vec<Floats> sums) {
  const Floats d;
  const auto y = hn::Add(sums, hn::Set(d, layer.bias[feature]));
  const auto active = layer.relu ? hn::Max(y, hn::Zero(d)) : y;
  if (layer.mean == nullptr) return active;
  const auto unit = hn::Mul(hn::Sub(active, hn::Set(d, layer.mean[feature])),
                            hn::Set(d, layer.inverse_deviation[feature]));
  return hn::MulAdd(unit, hn::Set(d, layer.scale[feature]), hn::Set(d, layer.shift[feature]));
}

void layer_piece(const ChainLayer& layer, std::int64_t samples, const float* x, std::int64_t first,
                 std::int64_t rows, float* y) {
  const Floats d;
  const std::int64_t panel_stride = layer.out * kColumns<float>;
  float* const piece = y + first * kColumns<float>;
  multiply(layer, samples, x, first, rows, piece, panel_stride, [&](std::int64_t s) HWY_ATTR {
    float* const panel = piece + s * layer.out;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t i = 0; i < kColumns<float>; i += kLanes) {
        float* const at = panel + row * kColumns<float> + i;
        hn::Store(finish(layer, first + row, hn::Load(d, at)), d, at);
      }
    }
  });
}

// Four features of a vector of samples, from rows of sums: a word for each sample.
HWY_INLINE hn::Vec<Words> pixel_words(const ChainLayer& layer, std::int64_t feature,
                                      const float* sums) {
  const Floats d;
  const auto level = [&](std::int64_t r) HWY_ATTR {
    const auto sum = hn::Load(d, sums + r * kColumns<float>);
    return to_levels(hyperbolic_tangent(d, finish(layer, feature + r, sum)));
  };
  const auto low = hn::Or(level(0), hn::ShiftLeft<8>(level(1)));
  const auto high = hn::Or(hn::ShiftLeft<16>(level(2)), hn::ShiftLeft<24>(level(3)));
  return hn::Or(low, high);
}

void pixel_piece(const ChainLayer& layer, std::int64_t samples, const float* x, std::int64_t first,
                 std::int64_t rows, std::uint8_t* y) {
  HWY_ALIGN float sums[ChainKernels::kMaxRows * kColumns<float>];  // of a panel
  const auto store_panel = [&](std::int64_t s) HWY_ATTR {
    auto* const panel = reinterpret_cast<std::int32_t*>(y + s * layer.out);
    for (std::int64_t row = 0; row < rows; row += 4) {
      for (std::int64_t i = 0; i < kColumns<float>; i += kLanes) {
        hn::Store(pixel_words(layer, first + row, sums + row * kColumns<float> + i), Words(),
                  panel + (first + row) / 4 * kColumns<float> + i);
      }
    }
  };
  // Sums of several blocks of k stand until the last one: so those of one panel at a time.
  const std::int64_t together = layer.in <= kDepth<float> ? samples : kColumns<float>;
  for (std::int64_t s = 0; s < samples; s += together) {
    multiply(layer, together, x + s * layer.in, first, rows, sums, 0,
             [&](std::int64_t panel) HWY_ATTR { store_panel(s + panel); });
  }
}

// hwc [pixels, 3] from three planes, `stride` apart.
HWY_INLINE void interleave(std::int64_t pixels, const std::uint8_t* planes, std::int64_t stride,
                           std::uint8_t* hwc) {
  const hn::ScalableTag<std::uint8_t> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= pixels; i += lanes) {
    hn::StoreInterleaved3(hn::LoadU(d, planes + i), hn::LoadU(d, planes + stride + i),
                          hn::LoadU(d, planes + 2 * stride + i), d, hwc + 3 * i);
  }
  for (; i < pixels; ++i) {
    for (std::int64_t c = 0; c < 3; ++c) hwc[3 * i + c] = planes[c * stride + i];
  }
}

// A few samples and pixels at a time: what a first cache holds.
void pictures(std::int64_t channels, std::int64_t pixels, std::int64_t samples,
              const std::uint8_t* panel, std::uint8_t* hwc) {
  constexpr std::int64_t kSamples = HWY_MIN(8, kColumns<float>);
  constexpr std::int64_t kPixels = 1024;
  HWY_ALIGN std::uint8_t planes[kSamples * 3 * kPixels];  // [sample][channel][kPixels]
  const auto* const words = reinterpret_cast<const std::int32_t*>(panel);
  for (std::int64_t s = 0; s < samples; s += kSamples) {
    for (std::int64_t p = 0; p < pixels; p += kPixels) {
      const std::int64_t count = std::min(kPixels, pixels - p);
      for (std::int64_t c = 0; c < channels; ++c) {
        transpose(count / 4, kSamples, words + (c * pixels + p) / 4 * kColumns<float> + s,
                  kColumns<float>, reinterpret_cast<std::int32_t*>(planes + c * kPixels),
                  3 * kPixels / 4);
      }
      for (std::int64_t i = 0; i < std::min(kSamples, samples - s); ++i) {
        const std::uint8_t* const from = planes + i * 3 * kPixels;
        std::uint8_t* const to = hwc + ((s + i) * pixels + p) * channels;
        if (channels == 1) {
          std::copy_n(from, count, to);
        } else {
          interleave(count, from, kPixels, to);
        }
      }
    }
  }
}

constexpr ChainKernels kChainKernels = {.columns = kColumns<float>,
                                        .layer_piece = layer_piece,
                                        .pixel_piece = pixel_piece,
                                        .pictures = pictures};

const ChainKernels* chain_kernels_of_target() { return &kChainKernels; }

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(chain_kernels_of_target);

const ChainKernels& chain_kernels() { return *HWY_DYNAMIC_DISPATCH(chain_kernels_of_target)(); }

}  // namespace miniray
#endif
