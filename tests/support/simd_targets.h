// Runs a test once on every SIMD target that this machine can run.
#pragma once

#include <gtest/gtest.h>

#include "engine/cpu.h"

namespace miniray::testing {

template <class Action>
void for_each_simd_target(Action&& action) {
  for (const std::string& target : simd_targets()) {
    SCOPED_TRACE(target);
    use_simd_target(target);
    action();
  }
  use_simd_target("");
}

}  // namespace miniray::testing
