// Where backward keeps the gradients of a network's stages on their way back.
//
// The gradient of a stage's output lives from the backward of its last reader to its own, so a few
// pieces of memory serve all stages: two for a chain. The first reader whose backward runs writes
// it, the others write elsewhere and are added; a stage that adds a value to its output hands its
// own gradient on to that value.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/stage.h"

namespace miniray {

struct GradientPlan {
  static constexpr int kNoSlot = -1;

  struct StagePlan {
    int slot = kNoSlot;            // of its output's gradient
    int temporary = kNoSlot;       // where its dx is made, if that is not the first of its source's
    bool completes_source = true;  // whether no other reader's backward follows
    bool adds_to_addend = false;   // or the addend's gradient begins as its own
    bool completes_addend = false;
  };

  std::vector<StagePlan> stages;
  std::vector<std::int64_t> slot_sizes;  // elements of one sample
};

// sizes: elements of each stage's output, of one sample, and of the network's input.
GradientPlan plan_gradients(const std::vector<Stage>& stages,
                            const std::vector<std::int64_t>& sizes, std::int64_t input_size);

}  // namespace miniray
