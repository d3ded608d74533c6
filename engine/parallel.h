// Threads: the only file that knows oneTBB.
//
// Work is cut into tiles by its shape alone, not by the number of threads (kernels/gemm.h has one
// exception, whose elements have the same bits in any tile), and a tile's result depends on the
// tile alone. So every result has the same bits for any number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "engine/tensor.h"

namespace miniray {

// Who multiplies matrices: whoever measured faster (see kernels/gemm.cpp), or one for comparison.
enum class ProductKernels { kAutomatic, kOwn, kBlas };

// What a computation may use: a number of threads, and memory to work in. Passed by reference to
// whatever computes. One caller at a time may use a budget; several may be in use at once.
class ThreadBudget {
 public:
  // threads: at least 1, the calling thread included. Throws invalid argument otherwise.
  explicit ThreadBudget(int threads, ProductKernels products = ProductKernels::kAutomatic);
  ~ThreadBudget();
  ThreadBudget(const ThreadBudget&) = delete;
  ThreadBudget& operator=(const ThreadBudget&) = delete;

  int threads() const { return threads_; }
  ProductKernels products() const { return products_; }

  // At least this many bytes, aligned to 64, for the computation in hand. Their contents are
  // undefined; the next call takes them back. Grows, so that a step repeated allocates nothing.
  std::byte* scratch(std::size_t size_bytes) const;

  // Calls body(tile) for every tile in [0, tiles), on any thread, in any order, with denormal
  // numbers flushed to zero; returns when all are done. The first exception is rethrown here.
  template <class Body>
  void for_each_tile(std::int64_t tiles, Body&& body) const {
    for_each_tile_in_slot(tiles, [&](std::int64_t tile, int) { body(tile); });
  }
  // The same with body(tile, slot). No two calls of one slot, a number below threads(), run at
  // once: for memory that each thread works in.
  template <class Body>
  void for_each_tile_in_slot(std::int64_t tiles, Body&& body) const {
    using Function = std::remove_reference_t<Body>;
    run(
        tiles,
        [](void* erased, std::int64_t tile, int slot) {
          (*static_cast<Function*>(erased))(tile, slot);
        },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using TileFunction = void (*)(void* body, std::int64_t tile, int slot);
  void run(std::int64_t tiles, TileFunction function, void* body) const;

  struct Arena;
  int threads_;
  ProductKernels products_;
  std::unique_ptr<Arena> arena_;
  mutable AlignedBytes scratch_{0};
};

// The cores this process may run on.
int available_cores();

// Cuts [0, count) into pieces of `grain` and calls body(begin, size) for each, in parallel.
template <class Body>
void for_each_range(const ThreadBudget& threads, std::int64_t count, std::int64_t grain,
                    Body&& body) {
  threads.for_each_tile((count + grain - 1) / grain, [&](std::int64_t tile) {
    const std::int64_t begin = tile * grain;
    body(begin, std::min(grain, count - begin));
  });
}

}  // namespace miniray
