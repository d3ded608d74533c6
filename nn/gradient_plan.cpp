#include "nn/gradient_plan.h"

#include <algorithm>
#include <string>

#include "engine/error.h"

namespace miniray {
namespace {

// Slots taken and given back, each as large as the largest that it was taken for.
class Slots {
 public:
  explicit Slots(std::vector<std::int64_t>& sizes) : sizes_(sizes) {}

  int take(std::int64_t size) {
    const auto found = std::ranges::find(taken_, false);
    const auto slot = static_cast<std::size_t>(found - taken_.begin());
    if (found == taken_.end()) {
      taken_.push_back(true);
      sizes_.push_back(0);
    }
    taken_[slot] = true;
    sizes_[slot] = std::max(sizes_[slot], size);
    return static_cast<int>(slot);
  }
  void give_back(int slot) { taken_[static_cast<std::size_t>(slot)] = false; }

 private:
  std::vector<std::int64_t>& sizes_;
  std::vector<bool> taken_;
};

}  // namespace

GradientPlan plan_gradients(const std::vector<Stage>& stages,
                            const std::vector<std::int64_t>& sizes, std::int64_t input_size) {
  GradientPlan plan;
  plan.stages.resize(stages.size());
  Slots slots(plan.slot_sizes);
  bool input_begun = false;
  std::vector<std::int64_t> readers(stages.size() + 1);  // of value v at v + 1
  for (const Stage& stage : stages) {
    ++readers[static_cast<std::size_t>(stage.source + 1)];
    if (stage.addend != kNoValue) ++readers[static_cast<std::size_t>(stage.addend + 1)];
  }
  const auto completes = [&](Value value) {
    return --readers[static_cast<std::size_t>(value + 1)] == 0;
  };
  const auto slot_of = [&](Value value) -> int& {
    return plan.stages[static_cast<std::size_t>(value)].slot;
  };
  const auto begun = [&](Value value) {
    return value == kNetworkInput ? input_begun : slot_of(value) != GradientPlan::kNoSlot;
  };
  const auto size_of = [&](Value value) {
    return value == kNetworkInput ? input_size : sizes[static_cast<std::size_t>(value)];
  };

  slot_of(static_cast<Value>(stages.size()) - 1) = slots.take(sizes.back());
  for (std::size_t s = stages.size(); s-- > 0;) {
    GradientPlan::StagePlan& own = plan.stages[s];
    if (own.slot == GradientPlan::kNoSlot) {
      throw invalid_argument("no layer reads what layer " + std::to_string(stages[s].end - 1) +
                             " makes");
    }
    const auto& [first, end, source, addend] = stages[s];
    if (begun(source)) {
      own.temporary = slots.take(size_of(source));
      slots.give_back(own.temporary);
    } else if (source == kNetworkInput) {
      input_begun = true;
    } else {
      slot_of(source) = slots.take(size_of(source));
    }
    own.completes_source = completes(source);
    if (addend == kNoValue) {
      slots.give_back(own.slot);
      continue;
    }
    own.adds_to_addend = begun(addend);
    own.completes_addend = completes(addend);
    if (addend == kNetworkInput || own.adds_to_addend) {
      input_begun = input_begun || addend == kNetworkInput;
      slots.give_back(own.slot);
    } else {
      slot_of(addend) = own.slot;
    }
  }
  return plan;
}

}  // namespace miniray
