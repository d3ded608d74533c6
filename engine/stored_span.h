// Numbers of type T in memory, as they are or rounded to bfloat16. Owns nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>

#include "engine/kernels/bfloat16.h"
#include "engine/span.h"

namespace miniray {

// T may be const. Where T is not float, numbers are stored as they are.
template <class T>
class StoredSpan {
 public:
  using Rounded = std::conditional_t<std::is_const_v<T>, const Bfloat16, Bfloat16>;

  StoredSpan() = default;
  // NOLINTBEGIN(google-explicit-constructor): what is stored may be given as it is
  template <class Span>
  requires std::is_convertible_v<Span, std::span<T>> StoredSpan(Span&& exact) : exact_(exact) {}
  template <class Span>
  requires std::is_convertible_v<Span, std::span<Rounded>> StoredSpan(Span&& rounded)
      : rounded_(rounded) {}
  template <class U>
  requires std::is_same_v<const U, T> StoredSpan(const StoredSpan<U>& other)
      : exact_(other.exact()), rounded_(other.rounded()) {}
  // NOLINTEND(google-explicit-constructor)

  bool is_rounded() const { return !rounded_.empty(); }
  bool empty() const { return size() == 0; }
  std::int64_t size() const {
    return static_cast<std::int64_t>(is_rounded() ? rounded_.size() : exact_.size());
  }
  const void* address() const {
    if (is_rounded()) return rounded_.data();
    return exact_.data();
  }
  // One of them is empty.
  std::span<T> exact() const { return exact_; }
  std::span<Rounded> rounded() const { return rounded_; }

 private:
  std::span<T> exact_;
  std::span<Rounded> rounded_;
};

template <class T>
StoredSpan<T> part(StoredSpan<T> whole, std::int64_t begin, std::int64_t size) {
  if (whole.is_rounded()) return StoredSpan<T>(part(whole.rounded(), begin, size));
  return StoredSpan<T>(part(whole.exact(), begin, size));
}

// to = from, of equal sizes. Calling thread only.
template <class T>
void load_numbers(StoredSpan<const T> from, std::span<T> to) {
  if (from.is_rounded()) {
    widen(from.rounded(), to);
  } else {
    std::ranges::copy(from.exact(), to.begin());
  }
}

template <class T>
void store_numbers(std::span<const T> from, StoredSpan<T> to) {
  if (to.is_rounded()) {
    round_to_bfloat16(from, to.rounded());
  } else {
    std::ranges::copy(from, to.exact().begin());
  }
}

template <class T>
void set_to_zero(StoredSpan<T> numbers) {
  std::ranges::fill(numbers.exact(), T{0});
  std::ranges::fill(numbers.rounded(), Bfloat16{});
}

// Out of bfloat16, and into it: rows that begin at element `at` of what is stored, `stride` apart
// there, to_stride and from_stride here. Calling thread only.
template <class T>
void widen_block(std::int64_t rows, std::int64_t columns, std::span<const Bfloat16> x,
                 std::int64_t at, std::int64_t stride, T* to, std::int64_t to_stride) {
  if constexpr (std::is_same_v<T, float>) {
    widen_rows(rows, columns, x.data() + at, stride, to, to_stride);
  }
}

template <class T>
void round_block(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_stride,
                 std::span<Bfloat16> y, std::int64_t at, std::int64_t stride) {
  if constexpr (std::is_same_v<T, float>) {
    round_rows(rows, columns, from, from_stride, y.data() + at, stride);
  }
}

}  // namespace miniray
