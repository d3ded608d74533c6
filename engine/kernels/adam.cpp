#include "engine/kernels/adam.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/adam.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/adam-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

void adam_float(const AdamFactors<float>& f, std::span<float> w, std::span<float> g,
                std::span<float> m, std::span<float> v) {
  AdamVectors<float>(f).update(w.size(), w.data(), g.data(), m.data(), v.data());
}
void adam_double(const AdamFactors<double>& f, std::span<double> w, std::span<double> g,
                 std::span<double> m, std::span<double> v) {
  AdamVectors<double>(f).update(w.size(), w.data(), g.data(), m.data(), v.data());
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(adam_float);
HWY_EXPORT(adam_double);

template <>
void adam_update(const AdamFactors<float>& f, std::span<float> w, std::span<float> g,
                 std::span<float> m, std::span<float> v) {
  HWY_DYNAMIC_DISPATCH(adam_float)(f, w, g, m, v);
}
template <>
void adam_update(const AdamFactors<double>& f, std::span<double> w, std::span<double> g,
                 std::span<double> m, std::span<double> v) {
  HWY_DYNAMIC_DISPATCH(adam_double)(f, w, g, m, v);
}

}  // namespace miniray
#endif
