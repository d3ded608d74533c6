// Owned arrays of numbers, and views of them.
//
// A Tensor owns 64-byte aligned, zero-initialised memory; large ones ask for huge pages. A
// TensorView is a pointer and a shape and owns nothing: it must not outlive what it points to.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "engine/shape.h"

namespace miniray {

// Zeroed bytes at a multiple of kAlignment. Never null, whatever the size.
class AlignedBytes {
 public:
  static constexpr std::size_t kAlignment = 64;

  explicit AlignedBytes(std::size_t size_bytes);
  std::byte* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte, Free> bytes_;
  std::size_t size_;
};

template <class T>
struct TensorView {
  T* data = nullptr;
  Shape shape;

  std::span<T> span() const { return {data, static_cast<std::size_t>(shape.elements())}; }
};

template <class T>
class Tensor {
 public:
  explicit Tensor(const Shape& shape)
      : memory_(static_cast<std::size_t>(shape.elements()) * sizeof(T)), shape_(shape) {}

  const Shape& shape() const { return shape_; }
  T* data() { return reinterpret_cast<T*>(memory_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(memory_.data()); }
  std::span<T> span() { return view().span(); }
  std::span<const T> span() const { return view().span(); }
  TensorView<T> view() { return {data(), shape_}; }
  TensorView<const T> view() const { return {data(), shape_}; }

 private:
  AlignedBytes memory_;
  Shape shape_;
};

}  // namespace miniray
