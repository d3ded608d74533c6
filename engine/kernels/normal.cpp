#include "engine/kernels/normal.h"

#include <algorithm>
#include <cstdint>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/normal.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/simd-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

using Doubles = hn::ScalableTag<double>;
using Vector = hn::Vec<Doubles>;

// AS 241's rational functions of r, lowest power first: near the middle and in the tails.
constexpr double kCentreTop[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                 1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                 3.3430575583588128105e+4, 2.5090809287301226727e+3};
constexpr double kCentreBottom[] = {1.0,
                                    4.2313330701600911252e+1,
                                    6.8718700749205790830e+2,
                                    5.3941960214247511077e+3,
                                    2.1213794301586595867e+4,
                                    3.9307895800092710610e+4,
                                    2.8729085735721942674e+4,
                                    5.2264952788528545610e+3};
constexpr double kTailTop[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr double kTailBottom[] = {1.0,
                                  2.05319162663775882187e0,
                                  1.67638483018380384940e0,
                                  6.89767334985100004550e-1,
                                  1.48103976427480074590e-1,
                                  1.51986665636164571966e-2,
                                  5.47593808499534494600e-4,
                                  1.05075007164441684324e-9};
// 2 / (2 i + 1): the series of 2 atanh(s) / s in s^2.
constexpr double kLogSeries[] = {2.0,      2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9, 2.0 / 11,
                                 2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};

template <std::size_t kTerms>
HWY_INLINE Vector polynomial(const double (&c)[kTerms], Vector r) {
  Vector sum = hn::Set(Doubles(), c[kTerms - 1]);
  for (std::size_t i = kTerms - 1; i-- > 0;) {
    sum = hn::Add(hn::Mul(sum, r), hn::Set(Doubles(), c[i]));
  }
  return sum;
}

// ln x of normal x > 0: x = m 2^e, m from sqrt(1/2) to sqrt(2), ln m = 2 atanh((m - 1) / (m + 1)).
HWY_INLINE Vector logarithm(Vector x) {
  constexpr std::int64_t kSqrtHalf = 0x3FE6A09E667F3BCD;  // its bits
  const hn::RebindToSigned<Doubles> integers;
  const auto one = hn::Set(Doubles(), 1.0);
  const auto bits = hn::BitCast(integers, x);
  const auto exponent = hn::ShiftRight<52>(hn::Sub(bits, hn::Set(integers, kSqrtHalf)));
  const auto m = hn::BitCast(Doubles(), hn::Sub(bits, hn::ShiftLeft<52>(exponent)));
  const auto s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const auto ln_m = hn::Mul(s, polynomial(kLogSeries, hn::Mul(s, s)));
  const auto ln_power =
      hn::Mul(hn::ConvertTo(Doubles(), exponent), hn::Set(Doubles(), std::numbers::ln2));
  return hn::Add(ln_power, ln_m);
}

HWY_INLINE Vector centre_quantile(Vector q) {
  const auto r = hn::Sub(hn::Set(Doubles(), 0.180625), hn::Mul(q, q));
  return hn::Div(hn::Mul(q, polynomial(kCentreTop, r)), polynomial(kCentreBottom, r));
}

HWY_INLINE Vector tail_quantile(Vector p) {
  const Doubles d;
  const auto beyond = hn::Min(p, hn::Sub(hn::Set(d, 1.0), p));
  const auto t = hn::Sub(hn::Sqrt(hn::Neg(logarithm(beyond))), hn::Set(d, 1.6));
  const auto tail = hn::Div(polynomial(kTailTop, t), polynomial(kTailBottom, t));
  return hn::CopySignToAbs(tail, hn::Sub(p, hn::Set(d, 0.5)));
}

// Most vectors hold one of the 15% that lie in the tails, which cost more than the others: so these
// are set aside, and taken together. At most kSome shares.
constexpr std::size_t kSome = 256;
HWY_INLINE void some_quantiles(std::span<double> p) {
  const Doubles d;
  const hn::RebindToSigned<Doubles> integers;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN double tails[kSome + HWY_MAX_BYTES / sizeof(double)];
  HWY_ALIGN std::int64_t places[kSome + HWY_MAX_BYTES / sizeof(double)];
  const auto half = hn::Set(d, 0.5);
  std::size_t in_tails = 0;
  for (std::size_t i = 0; i < p.size(); i += lanes) {
    const std::size_t rest = p.size() - i;
    const auto share = rest >= lanes
                           ? hn::LoadU(d, &p[i])
                           : hn::IfThenElse(hn::FirstN(d, rest), load_first(d, &p[i], rest), half);
    const auto q = hn::Sub(share, half);
    const auto is_tail = hn::Gt(hn::Abs(q), hn::Set(d, 0.425));
    hn::CompressStore(hn::Iota(integers, static_cast<std::int64_t>(i)),
                      hn::RebindMask(integers, is_tail), integers, places + in_tails);
    in_tails += hn::CompressStore(share, is_tail, d, tails + in_tails);
    store_first(centre_quantile(q), d, &p[i], std::min(rest, lanes));
  }
  map(in_tails, tails, tails, [](Vector v) HWY_ATTR { return tail_quantile(v); });
  for (std::size_t i = 0; i < in_tails; ++i) p[static_cast<std::size_t>(places[i])] = tails[i];
}

void take_normal_quantiles(std::span<double> p) {
  for (std::size_t i = 0; i < p.size(); i += kSome) {
    some_quantiles(p.subspan(i, std::min(kSome, p.size() - i)));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(take_normal_quantiles);

void normal_quantiles(std::span<double> p) { HWY_DYNAMIC_DISPATCH(take_normal_quantiles)(p); }

}  // namespace miniray
#endif
