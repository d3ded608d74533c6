#include "engine/rng.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace miniray {
namespace {

// A number in (0, 1) from 32 random bits, never 0 or 1: the middle of its interval of 2^-32.
double unit_interval(std::uint32_t bits) { return (bits + 0.5) * 0x1p-32; }

double polynomial(const std::array<double, 8>& c, double r) {
  double sum = c[7];
  for (int i = 6; i >= 0; --i) sum = sum * r + c[static_cast<std::size_t>(i)];
  return sum;
}

// PPND16 of AS 241: the inverse of the normal distribution function, relative error about 1e-16.
double normal_quantile(double p) {
  static constexpr std::array<double, 8> kCentreTop = {
      3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
      1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
      3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr std::array<double, 8> kCentreBottom = {1.0,
                                                          4.2313330701600911252e+1,
                                                          6.8718700749205790830e+2,
                                                          5.3941960214247511077e+3,
                                                          2.1213794301586595867e+4,
                                                          3.9307895800092710610e+4,
                                                          2.8729085735721942674e+4,
                                                          5.2264952788528545610e+3};
  static constexpr std::array<double, 8> kMiddleTop = {
      1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
      3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
      2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr std::array<double, 8> kMiddleBottom = {1.0,
                                                          2.05319162663775882187e0,
                                                          1.67638483018380384940e0,
                                                          6.89767334985100004550e-1,
                                                          1.48103976427480074590e-1,
                                                          1.51986665636164571966e-2,
                                                          5.47593808499534494600e-4,
                                                          1.05075007164441684324e-9};
  static constexpr std::array<double, 8> kTailTop = {
      6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
      2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
      2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr std::array<double, 8> kTailBottom = {1.0,
                                                        5.99832206555887937690e-1,
                                                        1.36929880922735805310e-1,
                                                        1.48753612908506148525e-2,
                                                        7.86869131145613259100e-4,
                                                        1.84631831751005468180e-5,
                                                        1.42151175831644588870e-7,
                                                        2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kCentreTop, r) / polynomial(kCentreBottom, r);
  }
  double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  const bool middle = r <= 5;
  r -= middle ? 1.6 : 5.0;
  const double magnitude = middle ? polynomial(kMiddleTop, r) / polynomial(kMiddleBottom, r)
                                  : polynomial(kTailTop, r) / polynomial(kTailBottom, r);
  return q < 0 ? -magnitude : magnitude;
}

// out[i] = transform(word first + i of the stream), each block computed once.
template <class T, class Transform>
void fill_from_words(const RandomKey& key, std::span<T> out, std::uint64_t first,
                     Transform transform) {
  RandomBlock block{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t word = first + i;
    if (i == 0 || word % 4 == 0) block = random_block(key, word / 4);
    out[i] = transform(block[word % 4]);
  }
}

}  // namespace

RandomBlock philox4x32_10(RandomBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{kPhiloxFactor0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kPhiloxFactor1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kPhiloxStep0;
    key[1] += kPhiloxStep1;
  }
  return counter;
}

PhiloxInput philox_input(const RandomKey& key, std::uint64_t index) {
  const auto purpose = static_cast<std::uint32_t>(key.purpose);
  return {{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), key.step,
           purpose << 24 | static_cast<std::uint32_t>(key.variant) << 16 | key.rank},
          {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)}};
}

RandomBlock random_block(const RandomKey& key, std::uint64_t index) {
  const PhiloxInput input = philox_input(key, index);
  return philox4x32_10(input.counter, input.key);
}

template <class T>
void fill_uniform(const RandomKey& key, T low, T high, std::span<T> out, std::uint64_t first) {
  const T width = high - low;
  fill_from_words(key, out, first, [&](std::uint32_t bits) {
    return low + width * static_cast<T>(static_cast<double>(bits >> 8) * 0x1p-24);
  });
}

template <class T>
void fill_normal(const RandomKey& key, std::span<T> out, std::uint64_t first) {
  fill_from_words(key, out, first, [](std::uint32_t bits) {
    return static_cast<T>(normal_quantile(unit_interval(bits)));
  });
}

template <class T>
void fill_truncated_normal(const RandomKey& key, T limit, std::span<T> out, std::uint64_t first) {
  const double beyond = std::erfc(static_cast<double>(limit) / std::sqrt(2.0)) / 2;  // on one side
  fill_from_words(key, out, first, [&](std::uint32_t bits) {
    const double p = beyond + unit_interval(bits) * (1 - 2 * beyond);
    return std::clamp(static_cast<T>(normal_quantile(p)), -limit, limit);
  });
}

std::uint64_t random_below(const RandomKey& key, std::uint64_t index, std::uint64_t bound) {
  const RandomBlock block = random_block(key, index);
  const std::uint64_t bits = std::uint64_t{block[0]} << 32 | block[1];
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(bits) * bound >> 64);
}

void shuffle(const RandomKey& key, std::span<std::uint32_t> values) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random_below(key, i, i)]);
  }
}

template void fill_uniform(const RandomKey&, float, float, std::span<float>, std::uint64_t);
template void fill_uniform(const RandomKey&, double, double, std::span<double>, std::uint64_t);
template void fill_normal(const RandomKey&, std::span<float>, std::uint64_t);
template void fill_normal(const RandomKey&, std::span<double>, std::uint64_t);
template void fill_truncated_normal(const RandomKey&, float, std::span<float>, std::uint64_t);
template void fill_truncated_normal(const RandomKey&, double, std::span<double>, std::uint64_t);

}  // namespace miniray
