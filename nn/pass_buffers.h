// The state of one pass of a network over a batch: the outputs between its stages, what layers save
// for backward, and the gradients on their way back. Planned once, reused every step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/stored_span.h"
#include "engine/tensor.h"
#include "nn/gradient_plan.h"
#include "nn/precision.h"

namespace miniray {

template <class T>
class NetworkPlan;

enum class PassUse { kForwardOnly, kForwardAndBackward };

struct PassOptions {
  // As what outputs and gradients are stored. Only where T is float.
  Precision precision = Precision::kFloat32;
  // The gradients stand in here as far as it goes: memory aligned to 64 bytes, not owned, whose
  // contents backward destroys.
  std::span<std::byte> lent{};
};

template <class T>
class PassBuffers {
 public:
  // Room for batches of up to max_batch samples.
  PassBuffers(const NetworkPlan<T>& plan, std::int64_t max_batch, PassUse use,
              const PassOptions& options = {});

  // Of stage `index`, the last one excepted: its output is the caller's.
  StoredSpan<T> output(std::size_t index, std::int64_t batch);
  // Memory of the gradient plan.
  StoredSpan<T> gradient_slot(int slot, std::int64_t elements);
  const GradientPlan& gradient_plan() const { return gradient_plan_; }
  // Of layer `index`.
  std::span<std::byte> saved(std::size_t index) { return bytes_of(saved_[index]); }
  std::span<const std::byte> saved(std::size_t index) const { return bytes_of(saved_[index]); }
  // Room for what a layer reads and makes that does not take bfloat16.
  enum Widened { kX, kY, kDy, kDx, kWidenedCount };
  std::span<T> widened(Widened which, std::int64_t elements);

  // The outputs and gradients that stand here: to be lent from one pass's end to the next one.
  std::span<std::byte> memory() { return bytes_of(memory_); }

 private:
  static std::span<std::byte> bytes_of(const AlignedBytes& bytes) {
    return {bytes.data(), bytes.size()};
  }
  StoredSpan<T> stored(std::byte* memory, std::int64_t elements) const;

  Precision precision_;
  std::vector<std::int64_t> output_sizes_;  // of one sample
  GradientPlan gradient_plan_;
  AlignedBytes memory_{0};
  std::vector<std::byte*> outputs_, gradients_;  // by stage, by slot
  std::array<std::byte*, kWidenedCount> widened_{};
  std::vector<AlignedBytes> saved_;
};

}  // namespace miniray
