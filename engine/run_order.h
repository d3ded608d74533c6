// What happens before what in a parallel run, told to ThreadSanitizer: it sees nothing of how
// oneTBB, a library that is compiled without it, hands work to threads. Races between the tiles of
// a run stay visible. In other builds nothing at all.
#pragma once

#ifdef MINIRAY_THREAD_SANITIZER
#include <cstddef>
#include <vector>

extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace miniray {

#ifdef MINIRAY_THREAD_SANITIZER

// Made and destroyed by the caller of the run: every tile comes between the two.
class RunOrder {
 public:
  explicit RunOrder(int slots) : slots_(static_cast<std::size_t>(slots)) {
    __tsan_release(&begin_);
  }
  ~RunOrder() {
    for (char& slot : slots_) __tsan_acquire(&slot);
  }

  // Lives as long as a tile is worked on; tiles of one slot come one after the other.
  class Tile {
   public:
    Tile(RunOrder& run, int slot) : slot_(&run.slots_[static_cast<std::size_t>(slot)]) {
      __tsan_acquire(&run.begin_);
      __tsan_acquire(slot_);
    }
    ~Tile() { __tsan_release(slot_); }

   private:
    char* slot_;
  };

 private:
  char begin_ = 0;
  std::vector<char> slots_;
};

#else

struct RunOrder {
  explicit RunOrder(int) {}
  struct Tile {
    Tile(RunOrder&, int) {}
  };
};

#endif

}  // namespace miniray
