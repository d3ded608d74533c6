#include "engine/parallel.h"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <optional>
#include <string>

#include "engine/cpu.h"
#include "engine/error.h"
#include "engine/run_order.h"

namespace miniray {
struct ThreadBudget::Arena {
  explicit Arena(int threads) : arena(threads) {
    if (threads > available_cores()) {
      more_than_cores.emplace(tbb::global_control::max_allowed_parallelism, threads);
    }
  }
  // oneTBB itself never starts more threads than there are cores unless told so.
  std::optional<tbb::global_control> more_than_cores;
  tbb::task_arena arena;
};

ThreadBudget::ThreadBudget(int threads, ProductKernels products)
    : threads_(threads), products_(products) {
  if (threads < 1) {
    throw invalid_argument("the number of threads must be at least 1, not " +
                           std::to_string(threads));
  }
  if (threads > 1) arena_ = std::make_unique<Arena>(threads);
}

ThreadBudget::~ThreadBudget() = default;

std::byte* ThreadBudget::scratch(std::size_t size_bytes) const {
  if (size_bytes > scratch_.size()) scratch_ = AlignedBytes(size_bytes);
  return scratch_.data();
}

void ThreadBudget::run(std::int64_t tiles, TileFunction function, void* body) const {
  if (arena_ == nullptr || tiles == 1) {
    const FlushDenormals flush;
    for (std::int64_t tile = 0; tile < tiles; ++tile) function(body, tile, 0);
    return;
  }
  RunOrder order(threads_);
  arena_->arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::int64_t>(0, tiles, 1),
        [&](const tbb::blocked_range<std::int64_t>& range) {
          const FlushDenormals flush;
          const int slot = tbb::this_task_arena::current_thread_index();
          const RunOrder::Tile in_order(order, slot);
          for (std::int64_t tile = range.begin(); tile < range.end(); ++tile) {
            function(body, tile, slot);
          }
        },
        tbb::simple_partitioner());
  });
}

int available_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

}  // namespace miniray
