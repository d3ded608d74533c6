// The innermost loop of every matrix product, for the SIMD target that is being compiled.
//
// A tile of C, a few rows by two vectors of columns, is held in registers while k runs. Each step
// of k loads two vectors of a panel of B and broadcasts one number of each row of A:
//
//   c[r, 0 .. kColumns) += a[r, p] * panel[p, 0 .. kColumns)     for every row r, then p + 1
//
// Where A, the panel and the tile lie, types say. Included by kernels/panel_products-inl.h,
// dense_chain.cpp and indirect_kernel-inl.h.
#if defined(MINIRAY_MICRO_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_MICRO_KERNEL_INL_H_
#undef MINIRAY_MICRO_KERNEL_INL_H_
#else
#define MINIRAY_MICRO_KERNEL_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engine/kernels/layout.h"
#include "engine/kernels/simd-inl.h"
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

enum class Store { kOverwrite, kAdd };

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
template <class T>
struct RowTile {
  T* HWY_RESTRICT first;
  std::int64_t stride;

  HWY_INLINE T* at(int r, int v) const { return first + r * stride + v * TileSize<T>::kLanes; }
};
template <class T>
struct BlockTile {
  T* HWY_RESTRICT first;
  std::int64_t vector_stride;

  HWY_INLINE T* at(int r, int v) const { return first + r * kBlockColumns + v * vector_stride; }
};

// What is done before each group of steps, when the multipliers leave room for it: nothing.
struct Nothing {
  HWY_INLINE void operator()() const {}
};

// AddressSanitizer takes a minute for a function that holds the tiles of all heights.
#undef MINIRAY_TILE_INLINE
#if HWY_IS_ASAN
#define MINIRAY_TILE_INLINE HWY_NOINLINE
#else
#define MINIRAY_TILE_INLINE HWY_INLINE
#endif

// tile[kRows, kVectors x kLanes] = or += a[kRows, k] . the first kVectors vectors of panel[k, ...]
template <class T, int kRows, int kVectors, class Operand, class Panel, class To, class Between>
MINIRAY_TILE_INLINE void multiply_rows(std::int64_t k, Operand a, Panel panel, Store store, To tile,
                                       Between between) {
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sums[kRows][kVectors];
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  const auto step = [&](std::int64_t p) HWY_ATTR {
    hn::Vec<decltype(d)> b[kVectors];
    for (int v = 0; v < kVectors; ++v) b[v] = panel.load(d, p, v);
    HWY_UNROLL(12)
    for (int r = 0; r < kRows; ++r) {
      const auto broadcast = hn::Set(d, a.template at<kRows>(r, p));
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(broadcast, b[v], sums[r][v]);
    }
  };
  std::int64_t p = 0;
  if constexpr (Operand::kInGroups || !std::is_same_v<Between, Nothing>) {
    while (p + kGroup <= k) {
      between();
      a.go_to(p);
      for (const std::int64_t end = p + kGroup; p < end; ++p) step(p);
    }
  }
  for (; p < k; ++p) step(p);
  // All loads before the first store: rows a multiple of 4 kB apart look alike to the processor.
  if (store == Store::kAdd) {
    HWY_UNROLL(12)
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = hn::Add(hn::LoadU(d, tile.at(r, v)), sums[r][v]);
      }
    }
  }
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, tile.at(r, v));
  }
}

// The same for a number of rows known only now, at most TileSize<T>::kRows.
template <class T, int kVectors = 2, int kRows = TileSize<T>::kRows, class Operand, class Panel,
          class To, class Between = Nothing>
HWY_INLINE void multiply_tile(std::int64_t rows, std::int64_t k, Operand a, Panel panel,
                              Store store, To tile, Between between = {}) {
  if (rows == kRows) {
    return multiply_rows<T, kRows, kVectors>(k, a, panel, store, tile, between);
  }
  if constexpr (kRows > 1) {
    multiply_tile<T, kVectors, kRows - 1>(rows, k, a, panel, store, tile, between);
  }
}

// Rows of a tile as Interleaved finds them: to[p, r] = x[p, r] for p < k and r < rows, of a matrix
// `stride` wide.
template <class T, int kRows = TileSize<T>::kRows>
HWY_INLINE void interleave(std::int64_t rows, std::int64_t k, const T* HWY_RESTRICT x,
                           std::int64_t stride, T* HWY_RESTRICT to) {
  if (rows == kRows) {
    for (std::int64_t p = 0; p < k; ++p) std::copy_n(x + p * stride, kRows, to + p * kRows);
  } else if constexpr (kRows > 1) {
    interleave<T, kRows - 1>(rows, k, x, stride, to);
  }
}

// The same for a tile of which only the first columns are wanted, fewer than kColumns, and
// `place(r, column)` says where a vector of them goes: those of a block, or the rest of a row.
template <class T, class Operand, class Place>
HWY_INLINE void multiply_narrow_tile(std::int64_t rows, std::int64_t columns, std::int64_t k,
                                     Operand a, PackedPanel<T> panel, Store store, Place place) {
  constexpr std::int64_t kColumns = TileSize<T>::kColumns, kLanes = TileSize<T>::kLanes;
  HWY_ALIGN T tile[TileSize<T>::kRows * kColumns];
  const RowTile<T> to{tile, kColumns};
  if (columns > kLanes) {
    multiply_tile<T>(rows, k, a, panel, Store::kOverwrite, to);
  } else {
    multiply_tile<T, 1>(rows, k, a, panel, Store::kOverwrite, to);
  }
  const hn::ScalableTag<T> d;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < columns; i += kLanes) {
      const auto count = static_cast<std::size_t>(std::min(columns - i, kLanes));
      T* const at = place(r, i);
      auto sum = hn::Load(d, tile + r * kColumns + i);
      if (store == Store::kAdd) sum = hn::Add(load_first(d, at, count), sum);
      store_first(sum, d, at, count);
    }
  }
}

// A tile of c, which may end the matrix.
template <class T, class Operand>
HWY_INLINE void multiply_into(std::int64_t rows, std::int64_t columns, std::int64_t k, Operand a,
                              PackedPanel<T> panel, Store store, T* c, std::int64_t c_stride) {
  if (columns == TileSize<T>::kColumns) {
    return multiply_tile<T>(rows, k, a, panel, store, RowTile<T>{c, c_stride});
  }
  multiply_narrow_tile(rows, columns, k, a, panel, store,
                       [&](std::int64_t r, std::int64_t i) { return c + r * c_stride + i; });
}

// Calls body(first row, rows) for tiles of nearly equal height: a last one of two rows would leave
// most of the multipliers idle.
template <class T, class Body>
HWY_INLINE void for_each_row_tile(std::int64_t rows, Body body) {
  for (std::int64_t first = 0; first < rows;) {
    const std::int64_t rest = rows - first;
    const std::int64_t tiles = (rest + TileSize<T>::kRows - 1) / TileSize<T>::kRows;
    const std::int64_t height = (rest + tiles - 1) / tiles;
    body(first, height);
    first += height;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
