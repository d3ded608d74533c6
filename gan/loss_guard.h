// Tells when losses are none of a training in good order any more.
#pragma once

#include <cstdint>

#include "engine/state_fields.h"
#include "gan/step_result.h"

namespace miniray {

enum class LossHealth { kGood, kExploding, kNotFinite };

class LossGuard {
 public:
  // Exploding: a loss beyond a thousand times its mean size over about the last hundred good steps
  // (or times 1, where that is more). Whatever an objective's losses come to in time is in order.
  LossHealth judge(const StepResult& result);
  void declare(StateFields& fields);

 private:
  double d_size_ = 0, g_size_ = 0;  // means of absolute values
};

}  // namespace miniray
