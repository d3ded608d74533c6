// The size of the micro-kernel's tile, and where its operands may lie, for the SIMD target that is
// being compiled. Included by micro_kernel-inl.h.
#if defined(MINIRAY_TILE_PLACES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_TILE_PLACES_INL_H_
#undef MINIRAY_TILE_PLACES_INL_H_
#else
#define MINIRAY_TILE_PLACES_INL_H_
#endif

#include <cstdint>

#include "engine/kernels/finish-inl.h"
#include "engine/kernels/layout.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The tile that fills the registers: two vectors of columns by as many rows as leave three
// registers for B and the broadcast. Twelve sums also hide the latency of a multiply-add.
template <class T>
struct TileSize {
  static constexpr bool kThirtyTwoRegisters =
      HWY_ARCH_ARM_A64 || (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3);
  static constexpr std::int64_t kRows = kThirtyTwoRegisters ? 12 : 6;
  static constexpr std::int64_t kLanes =
      static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  static constexpr std::int64_t kColumns = 2 * kLanes;
};

// An operand tells where A lies: at<kRows>(r, p) is a[r, p] in a tile of kRows rows, p within the
// kGroup steps from where it was told to go_to. This one in rows, k contiguous.
inline constexpr std::int64_t kGroup = 4;
template <class T>
struct InRows {
  static constexpr bool kInGroups = false;  // whether it minds
  const T* HWY_RESTRICT first;
  std::int64_t stride;

  HWY_INLINE void go_to(std::int64_t) {}
  template <int kRows>
  HWY_INLINE T at(int r, std::int64_t p) const {
    return first[r * stride + p];
  }
};

// This one in columns, rows contiguous: a transposed matrix where it lies.
template <class T>
struct InColumns {
  static constexpr bool kInGroups = false;
  const T* HWY_RESTRICT first;
  std::int64_t stride;

  HWY_INLINE void go_to(std::int64_t) {}
  template <int kRows>
  HWY_INLINE T at(int r, std::int64_t p) const {
    return first[p * stride + r];
  }
};

// And this one with the numbers of one p side by side.
template <class T>
struct Interleaved {
  static constexpr bool kInGroups = false;
  const T* HWY_RESTRICT first;

  HWY_INLINE void go_to(std::int64_t) {}
  template <int kRows>
  HWY_INLINE T at(int r, std::int64_t p) const {
    return first[p * kRows + r];
  }
};

// This one in blocks of columns (layout.h), k along a row; p counts from a block's first column.
template <class T>
struct InBlocks {
  static constexpr bool kInGroups = true;
  const T* HWY_RESTRICT first;
  std::int64_t block_stride;

  HWY_INLINE void go_to(std::int64_t p) {
    block_ = first + p / kBlockColumns * (block_stride - kBlockColumns);
  }
  template <int kRows>
  HWY_INLINE T at(int r, std::int64_t p) const {
    return block_[r * kBlockColumns + p];
  }

  // Where column 0 would be if the whole row lay as the block of this group does.
  const T* HWY_RESTRICT block_ = nullptr;
};

// A panel of k rows of kColumns numbers, contiguous and aligned.
template <class T>
struct PackedPanel {
  const T* HWY_RESTRICT first;

  template <class D>
  HWY_INLINE hn::Vec<D> load(D d, std::int64_t p, int v) const {
    return hn::Load(d, first + p * TileSize<T>::kColumns + v * TileSize<T>::kLanes);
  }
};

// From one vector of a row to the next where the columns lie in blocks of `rows` rows.
template <class T>
constexpr std::int64_t vector_stride(std::int64_t rows) {
  return TileSize<T>::kLanes == kBlockColumns ? rows * kBlockColumns : TileSize<T>::kLanes;
}

// A panel that lies in blocks of columns, k of their rows.
template <class T>
struct BlockPanel {
  const T* HWY_RESTRICT first;
  std::int64_t vector_stride;

  template <class D>
  HWY_INLINE hn::Vec<D> load(D d, std::int64_t p, int v) const {
    return hn::LoadU(d, first + p * kBlockColumns + v * vector_stride);
  }
};

// A tile in rows, and one in blocks of columns.
template <class T, class Finish = AsItStands>
struct RowTile {
  T* HWY_RESTRICT first;
  std::int64_t stride;
  Finish finish = {};

  HWY_INLINE T* at(int r, int v) const { return first + r * stride + v * TileSize<T>::kLanes; }
};
template <class T>
struct BlockTile {
  T* HWY_RESTRICT first;
  std::int64_t vector_stride;
  AsItStands finish = {};

  HWY_INLINE T* at(int r, int v) const { return first + r * kBlockColumns + v * vector_stride; }
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
