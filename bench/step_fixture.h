// The product's training step on made-up data, ready to be timed.
#pragma once

#include <memory>

#include "gan/data/dataset.h"
#include "gan/train_step.h"

namespace miniray::bench {

// The multiply-adds of a step's products times two: D on real and fake, then G through D; the first
// layers' input gradients and D's weight gradients in G's half are not computed and not counted.
double step_flop(const GanSpec& spec, std::int64_t batch);

class StepFixture {
 public:
  StepFixture(const GanSpec& spec, int threads, std::int64_t batch);

  // One step as the trainer does it: batch, latents, update of D and of G.
  void step();

  const ThreadBudget& threads() const { return threads_; }

 private:
  ThreadBudget threads_;
  std::int64_t batch_;
  GanState state_;
  StepBuffers buffers_;
  std::unique_ptr<Dataset> dataset_;
  std::int64_t step_ = 0;
};

}  // namespace miniray::bench
