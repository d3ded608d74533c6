// What ranks tell each other before anything that all must do together.
#pragma once

#include <string>
#include <vector>

#include "gan/step_result.h"
#include "runtime/communicator.h"

namespace miniray {

struct RankStatus {
  bool stop = false;      // this rank was asked to stop
  bool save = false;      // it wants a checkpoint
  bool diverged = false;  // it cannot go on
  StepResult means{};     // over its steps of the epoch

  // As it travels.
  std::string text() const;
  static RankStatus parse(const std::string& text);
};

// A collective: every rank's, by rank.
std::vector<RankStatus> exchange_status(Communicator& communicator, const RankStatus& own);

bool any(const std::vector<RankStatus>& all, bool RankStatus::*wish);

}  // namespace miniray
