// One allocation that holds many named arrays: a network's parameters, its gradients, its running
// statistics. Optimizer, averaging, checkpoint and EMA see one span; layers see their slices.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/kernels/layout.h"
#include "engine/shape.h"
#include "engine/span.h"
#include "engine/tensor.h"

namespace miniray {

// A named array inside a flat buffer. Slices begin at multiples of SliceTable::kAlignment elements.
struct Slice {
  std::string name;
  Shape shape;
  std::int64_t offset = 0;  // elements from the buffer's start
  Layout layout = Layout::kRows;

  std::int64_t size() const { return shape.elements(); }
};

// The order of declaration is the order in memory. The elements between slices stay zero.
class SliceTable {
 public:
  static constexpr std::int64_t kAlignment = 16;  // elements: 64 bytes of float

  // kBlocks is for shapes of two extents. Throws invalid argument where the name is taken.
  Slice declare(const std::string& name, const Shape& shape, Layout layout = Layout::kRows);
  const std::vector<Slice>& slices() const { return slices_; }
  // Throws not found, naming the slice.
  const Slice& find(std::string_view name) const;
  std::int64_t buffer_size() const { return buffer_size_; }      // elements, gaps included
  std::int64_t element_count() const { return element_count_; }  // elements of the slices alone

 private:
  std::vector<Slice> slices_;
  std::int64_t buffer_size_ = 0;
  std::int64_t element_count_ = 0;
};

template <class T>
std::span<T> slice_of(std::span<T> buffer, const Slice& slice) {
  return part(buffer, slice.offset, slice.size());
}

// A slice's numbers row-major, whatever its layout: out of a buffer and into it.
template <class T>
void read_slice(std::span<const T> buffer, const Slice& slice, std::span<T> rows) {
  const std::span<const T> stored = slice_of(buffer, slice);
  if (slice.layout == Layout::kRows) {
    std::ranges::copy(stored, rows.begin());
  } else {
    blocks_to_rows(slice.shape[0], slice.shape[1], stored, rows);
  }
}
template <class T>
void write_slice(std::span<const T> rows, const Slice& slice, std::span<T> buffer) {
  const std::span<T> stored = slice_of(buffer, slice);
  if (slice.layout == Layout::kRows) {
    std::ranges::copy(rows, stored.begin());
  } else {
    rows_to_blocks(slice.shape[0], slice.shape[1], rows, stored);
  }
}

// Zero-initialised memory of a table's size, copied by value.
template <class T>
class FlatBuffer {
 public:
  explicit FlatBuffer(std::int64_t size) : memory_(bytes_of(size)), size_(size) {}
  FlatBuffer(const FlatBuffer& other) : FlatBuffer(other.size_) { copy_from(other.span()); }
  FlatBuffer& operator=(const FlatBuffer& other) {
    if (size_ != other.size_) *this = FlatBuffer(other.size_);
    copy_from(other.span());
    return *this;
  }
  FlatBuffer(FlatBuffer&&) noexcept = default;
  FlatBuffer& operator=(FlatBuffer&&) noexcept = default;
  ~FlatBuffer() = default;

  std::span<T> span() { return {reinterpret_cast<T*>(memory_.data()), count()}; }
  std::span<const T> span() const { return {reinterpret_cast<const T*>(memory_.data()), count()}; }

 private:
  static std::size_t bytes_of(std::int64_t size) {
    return static_cast<std::size_t>(size) * sizeof(T);
  }
  std::size_t count() const { return static_cast<std::size_t>(size_); }
  void copy_from(std::span<const T> source) {
    std::copy(source.begin(), source.end(), span().begin());
  }

  AlignedBytes memory_;
  std::int64_t size_;
};

}  // namespace miniray
