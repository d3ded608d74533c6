#include "engine/kernels/adam.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/adam.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/adam-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

void adam_float(const AdamFactors<float>& f, const AdamSpans<float>& spans, std::span<float> g) {
  AdamVectors<float>(f).update(spans, 0, g.size(), g.data());
}
void adam_double(const AdamFactors<double>& f, const AdamSpans<double>& spans,
                 std::span<double> g) {
  AdamVectors<double>(f).update(spans, 0, g.size(), g.data());
}

void rounding_bits_of(const std::array<std::uint32_t, 2>& key, std::uint32_t first,
                      std::span<std::uint32_t> bits) {
  const FloatBits d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < bits.size(); i += lanes) {
    store_first(rounding_bits(key, first + static_cast<std::uint32_t>(i)), d, bits.data() + i,
                std::min(lanes, bits.size() - i));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(adam_float);
HWY_EXPORT(adam_double);
HWY_EXPORT(rounding_bits_of);

template <>
void adam_update(const AdamFactors<float>& f, const AdamSpans<float>& spans, std::span<float> g) {
  HWY_DYNAMIC_DISPATCH(adam_float)(f, spans, g);
}
template <>
void adam_update(const AdamFactors<double>& f, const AdamSpans<double>& spans,
                 std::span<double> g) {
  HWY_DYNAMIC_DISPATCH(adam_double)(f, spans, g);
}

void fill_rounding_bits(const std::array<std::uint32_t, 2>& key, std::uint32_t first,
                        std::span<std::uint32_t> bits) {
  HWY_DYNAMIC_DISPATCH(rounding_bits_of)(key, first, bits);
}

}  // namespace miniray
#endif
