// One channel of all samples at a time, where any samples stand as bfloat16: taken into memory of
// the thread's as it is used, and back.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/kernels/reduce.h"
#include "engine/parallel.h"
#include "engine/stored_span.h"

namespace miniray {

// Of pictures [batch, channels, values].
template <class T>
class ChannelMemory {
 public:
  // Where `used`, takes the budget's scratch memory, with `places` for channels on each thread;
  // otherwise channels are used where they stand, exact.
  ChannelMemory(const ThreadBudget& threads, std::int64_t batch, std::int64_t channels,
                std::int64_t values, int places, bool used)
      : batch_(batch), channels_(channels), values_(values), places_(places) {
    if (!used) return;
    const std::int64_t size = std::int64_t{threads.threads()} * places * batch * values;
    memory_ = reinterpret_cast<T*>(threads.scratch(static_cast<std::size_t>(size) * sizeof(T)));
  }

  // How a channel's values lie: a row for each sample.
  Block block() const { return {batch_, values_, memory_ == nullptr ? stride() : values_}; }

  const T* read(StoredSpan<const T> pictures, std::int64_t channel, int slot, int place) const {
    if (memory_ == nullptr) return pictures.exact().data() + channel * values_;
    T* const to = at(slot, place);
    if (pictures.is_rounded()) {
      widen_block(batch_, values_, pictures.rounded(), channel * values_, stride(), to, values_);
    } else {
      copy(pictures.exact().data() + channel * values_, stride(), to, values_);
    }
    return to;
  }
  // Where a channel is written before `finish`; what was read into that place is overwritten.
  T* room(StoredSpan<T> pictures, std::int64_t channel, int slot, int place) const {
    return memory_ == nullptr ? pictures.exact().data() + channel * values_ : at(slot, place);
  }
  void finish(StoredSpan<T> pictures, std::int64_t channel, const T* values) const {
    if (memory_ == nullptr) return;
    if (pictures.is_rounded()) {
      round_block(batch_, values_, values, values_, pictures.rounded(), channel * values_,
                  stride());
    } else {
      copy(values, values_, pictures.exact().data() + channel * values_, stride());
    }
  }

 private:
  std::int64_t stride() const { return channels_ * values_; }
  T* at(int slot, int place) const {
    return memory_ + (std::int64_t{slot} * places_ + place) * batch_ * values_;
  }
  void copy(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) const {
    for (std::int64_t n = 0; n < batch_; ++n) {
      std::copy_n(from + n * from_stride, values_, to + n * to_stride);
    }
  }

  std::int64_t batch_, channels_, values_;
  int places_;
  T* memory_ = nullptr;
};

}  // namespace miniray
