// bfloat16 on vectors of floats, for the SIMD target that is being compiled.
#if defined(MINIRAY_BFLOAT16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_BFLOAT16_INL_H_
#undef MINIRAY_BFLOAT16_INL_H_
#else
#define MINIRAY_BFLOAT16_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Lanes of floats, and of what stands for them in memory.
using FloatLanes = hn::ScalableTag<float>;
using FloatBits = hn::RebindToUnsigned<FloatLanes>;
using Bfloat16Lanes = hn::Rebind<std::uint16_t, FloatLanes>;

HWY_INLINE hn::Vec<FloatLanes> widened(hn::Vec<Bfloat16Lanes> x) {
  return hn::BitCast(FloatLanes(), hn::ShiftLeft<16>(hn::PromoteTo(FloatBits(), x)));
}

// The upper halves of bits. DemoteTo saturates, but never here.
HWY_INLINE hn::Vec<Bfloat16Lanes> upper_halves(hn::Vec<FloatBits> bits) {
  const hn::RebindToSigned<FloatLanes> signed_lanes;
  return hn::DemoteTo(Bfloat16Lanes(), hn::BitCast(signed_lanes, hn::ShiftRight<16>(bits)));
}

// To the nearest, ties to even; a NaN becomes a quiet one.
HWY_INLINE hn::Vec<Bfloat16Lanes> rounded(hn::Vec<FloatLanes> x) {
  const FloatBits d;
  const auto bits = hn::BitCast(d, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1));
  const auto nearest = hn::Add(bits, hn::Add(hn::Set(d, 0x7FFF), odd));
  const auto quiet = hn::Or(bits, hn::Set(d, 0x400000));
  return upper_halves(hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(x)), quiet, nearest));
}

// Up with the probability of what is above the neighbour towards zero, by 16 random bits a lane
// (their upper halves are zero): the mean is x. Infinity and NaN stay.
HWY_INLINE hn::Vec<Bfloat16Lanes> rounded_at_random(hn::Vec<FloatLanes> x,
                                                    hn::Vec<FloatBits> random) {
  const FloatBits d;
  const auto bits = hn::BitCast(d, x);
  const auto quiet = hn::Or(bits, hn::Set(d, 0x400000));
  return upper_halves(
      hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(x)), quiet, hn::Add(bits, random)));
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
