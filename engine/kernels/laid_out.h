// An operand of a product, laid out anew in scratch memory for the kernels that read it.
//
// The threads lay out a part each, before the pieces of the product begin; or, where they are few,
// each thread all of it for itself in its first piece: a line that one core writes and others read
// travels between their caches both ways, which can take longer than to lay it out once more.
#pragma once

#include <array>
#include <cstdint>

#include "engine/parallel.h"

namespace miniray {

// The scratch memory that it takes.
template <class T>
class LaidOutRoom {
 public:
  static constexpr int kFewThreads = 2;

  // size: the operand's numbers.
  LaidOutRoom(const ThreadBudget& threads, std::int64_t size)
      : is_shared_(threads.threads() > kFewThreads),
        copies_(is_shared_ ? 1 : threads.threads()),
        size_((size + kLine - 1) / kLine * kLine) {}

  bool is_shared() const { return is_shared_; }
  // In numbers.
  std::int64_t size() const { return copies_ * size_; }
  std::int64_t size_of_copy() const { return size_; }

 private:
  static constexpr std::int64_t kLine = 64 / sizeof(T);
  bool is_shared_;
  std::int64_t copies_, size_;
};

// lay_out(part, to): does a part of the operand, which begins at `to`. Lives in memory for
// room.size() numbers until the product's pieces are done.
template <class T, class LayOut>
class LaidOut {
 public:
  LaidOut(const ThreadBudget& threads, const LaidOutRoom<T>& room, T* memory, std::int64_t parts,
          LayOut lay_out)
      : room_(room), memory_(memory), parts_(parts), lay_out_(lay_out) {
    if (!room_.is_shared()) return;
    threads.for_each_tile(parts, [&](std::int64_t part) { lay_out_(part, memory_); });
  }

  // The operand, for a piece that runs in this slot, and by its thread.
  const T* of_slot(int slot) {
    if (T* const copy = claim(slot)) {
      for (std::int64_t part = 0; part < parts_; ++part) lay_out_(part, copy);
    }
    return of(slot);
  }
  // Where the slot's first piece is to lay the operand out while it works; null for later ones, who
  // find it by of().
  T* claim(int slot) {
    if (room_.is_shared() || is_ready_[static_cast<std::size_t>(slot)]) return nullptr;
    is_ready_[static_cast<std::size_t>(slot)] = true;
    return of(slot);
  }
  T* of(int slot) const { return memory_ + (room_.is_shared() ? 0 : slot * room_.size_of_copy()); }

 private:
  LaidOutRoom<T> room_;
  T* memory_;
  std::int64_t parts_;
  LayOut lay_out_;
  std::array<bool, LaidOutRoom<T>::kFewThreads> is_ready_{};
};

}  // namespace miniray
