// The state of one pass of a network over a batch: the outputs between its stages, what layers save
// for backward, and the gradients on their way back. Planned once, reused every step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor.h"
#include "nn/gradient_plan.h"

namespace miniray {

template <class T>
class NetworkPlan;

enum class PassUse { kForwardOnly, kForwardAndBackward };

template <class T>
class PassBuffers {
 public:
  // Room for batches of up to max_batch samples. The gradients stand in `lent` as far as it goes:
  // memory aligned to 64 bytes, not owned, whose contents backward destroys.
  PassBuffers(const NetworkPlan<T>& plan, std::int64_t max_batch, PassUse use,
              std::span<std::byte> lent = {});

  // Of stage `index`, the last one excepted: its output is the caller's.
  std::span<T> output(std::size_t index, std::int64_t batch);
  // Memory of the gradient plan.
  std::span<T> gradient_slot(int slot, std::int64_t elements);
  const GradientPlan& gradient_plan() const { return gradient_plan_; }
  // Of layer `index`.
  std::span<std::byte> saved(std::size_t index) { return bytes_of(saved_[index]); }
  std::span<const std::byte> saved(std::size_t index) const { return bytes_of(saved_[index]); }

  // The outputs and gradients that stand here: to be lent from one pass's end to the next one.
  std::span<std::byte> memory() { return bytes_of(memory_); }

 private:
  static std::span<std::byte> bytes_of(const AlignedBytes& bytes) {
    return {bytes.data(), bytes.size()};
  }

  std::vector<std::int64_t> output_sizes_;  // of one sample
  GradientPlan gradient_plan_;
  AlignedBytes memory_{0};
  std::vector<std::byte*> outputs_, gradients_;  // by stage, by slot
  std::vector<AlignedBytes> saved_;
};

}  // namespace miniray
