// An observer that asks a training to stop after so many steps of its worker.
#pragma once

#include <atomic>

#include "gan/replica.h"

namespace miniray::testing {

class StopAfter final : public TrainObserver {
 public:
  explicit StopAfter(int steps) : left_(steps) {}
  void on_step(const StepReport&) override {
    if (--left_ == 0) stop = true;
  }
  void on_epoch(const EpochReport&, const Network<float>&) override {}
  std::atomic<bool> stop{false};

 private:
  int left_;
};

}  // namespace miniray::testing
