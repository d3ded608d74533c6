// The innermost loop of every matrix product, for the SIMD target that is being compiled.
//
// A tile of C, a few rows by two vectors of columns, is held in registers while k runs. Each step
// of k loads two vectors of a panel of B and broadcasts one number of each row of A:
//
//   c[r, 0 .. kColumns) += a[r, p] * panel[p, 0 .. kColumns)     for every row r, then p + 1
//
// Where A, the panel and the tile lie, types say (tile_places-inl.h). Included by
// kernels/panel_products-inl.h, dense_chain.cpp, conv_tiles.cpp and indirect_kernel-inl.h.
#if defined(MINIRAY_MICRO_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_MICRO_KERNEL_INL_H_
#undef MINIRAY_MICRO_KERNEL_INL_H_
#else
#define MINIRAY_MICRO_KERNEL_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engine/kernels/simd-inl.h"
#include "engine/kernels/tile_places-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

enum class Store { kOverwrite, kAdd };

// What is done where nothing is wanted: before each group of steps, when the multipliers leave room
// for it, and with sums that stand.
struct Nothing {
  HWY_INLINE void operator()(auto...) const {}
};

// Some of `work` is done there. No lambda: GCC would call that as a function, and save all sums
// around it.
template <class Work>
struct Meanwhile {
  Work& work;
  HWY_INLINE void operator()() const { work.step(); }
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
MINIRAY_TILE_INLINE void multiply_tile_of(std::int64_t k, Operand a, Panel panel, Store store,
                                          To tile, Between between) {
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
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(tile.finish.from(v * TileSize<T>::kLanes)(d, sums[r][v]), d, tile.at(r, v));
    }
  }
}

// The same for a number of rows known only now, at most TileSize<T>::kRows.
template <class T, int kVectors = 2, int kRows = TileSize<T>::kRows, class Operand, class Panel,
          class To, class Between = Nothing>
HWY_INLINE void multiply_tile(std::int64_t rows, std::int64_t k, Operand a, Panel panel,
                              Store store, To tile, Between between = {}) {
  if (rows == kRows) {
    return multiply_tile_of<T, kRows, kVectors>(k, a, panel, store, tile, between);
  }
  if constexpr (kRows > 1) {
    multiply_tile<T, kVectors, kRows - 1>(rows, k, a, panel, store, tile, between);
  }
}

// The same of as many vectors as the first `columns` columns need.
template <class T, class Operand, class Panel, class To, class Between = Nothing>
HWY_INLINE void multiply_vectors(std::int64_t rows, std::int64_t columns, std::int64_t k, Operand a,
                                 Panel panel, Store store, To tile, Between between = {}) {
  if (columns > TileSize<T>::kLanes) {
    multiply_tile<T>(rows, k, a, panel, store, tile, between);
  } else {
    multiply_tile<T, 1>(rows, k, a, panel, store, tile, between);
  }
}

// The same for the first `columns` columns of a tile of c, which may end the matrix there.
template <class T, class Operand, class Finish, class Between = Nothing>
HWY_INLINE void multiply_into(std::int64_t rows, std::int64_t columns, std::int64_t k, Operand a,
                              PackedPanel<T> panel, Store store, RowTile<T, Finish> c,
                              Between between = {}) {
  constexpr std::int64_t kColumns = TileSize<T>::kColumns, kLanes = TileSize<T>::kLanes;
  if (columns == kColumns) return multiply_tile<T>(rows, k, a, panel, store, c, between);
  HWY_ALIGN T tile[TileSize<T>::kRows * kColumns];
  multiply_vectors<T>(rows, columns, k, a, panel, Store::kOverwrite, RowTile<T>{tile, kColumns});
  const hn::ScalableTag<T> d;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < columns; i += kLanes) {
      const auto count = static_cast<std::size_t>(std::min(columns - i, kLanes));
      T* const to = c.first + r * c.stride + i;
      auto sum = hn::Load(d, tile + r * kColumns + i);
      if (store == Store::kAdd) sum = hn::Add(load_first(d, to, count), sum);
      store_first(c.finish.from(i)(d, sum), d, to, count);
    }
  }
}

// The height of the next tile where `rest` rows are left: tiles are nearly equal, since a last one
// of two rows would leave most of the multipliers idle.
template <class T>
HWY_INLINE std::int64_t row_tile_height(std::int64_t rest) {
  const std::int64_t tiles = (rest + TileSize<T>::kRows - 1) / TileSize<T>::kRows;
  return (rest + tiles - 1) / tiles;
}

// Calls body(first row, rows) for each tile.
template <class T, class Body>
HWY_INLINE void for_each_row_tile(std::int64_t rows, Body body) {
  for (std::int64_t first = 0; first < rows;) {
    const std::int64_t height = row_tile_height<T>(rows - first);
    body(first, height);
    first += height;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
