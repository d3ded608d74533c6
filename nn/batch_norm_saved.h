// The layout of what a BatchNorm saves for backward. Included by nn/batch_norm*.cpp only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace miniray {

inline constexpr double kBatchNormEpsilon = 1e-5;

// Three arrays of `features` numbers, one after the other.
template <class Byte, class T>
struct BatchNormSaved {
  BatchNormSaved(std::span<Byte> bytes, std::int64_t features)
      : mean(reinterpret_cast<T*>(bytes.data())),
        variance(mean + features),
        inverse_deviation(variance + features) {}
  T *mean, *variance, *inverse_deviation;
};
template <class T>
using SavedForWriting = BatchNormSaved<std::byte, T>;
template <class T>
using SavedForReading = BatchNormSaved<const std::byte, const T>;

}  // namespace miniray
