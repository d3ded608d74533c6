// The product's training step on made-up data, ready to be timed.
#pragma once

#include <memory>

#include "gan/data/dataset.h"
#include "gan/train_step.h"

namespace miniray::bench {

class StepFixture {
 public:
  // Networks just initialised.
  StepFixture(const GanSpec& spec, int threads, std::int64_t batch,
              ProductKernels products = ProductKernels::kAutomatic,
              Precision precision = Precision::kFloat32);
  StepFixture(GanState state, int threads, std::int64_t batch,
              ProductKernels products = ProductKernels::kAutomatic);

  // One step as the trainer does it, and its three pieces in their order: the next batch, its
  // latents, the updates of D and of G.
  void step();
  void assemble_batch();
  void draw_latents();
  void train();

  const ThreadBudget& threads() const { return threads_; }

 private:
  StepKey key() const { return {1, 0, step_, {0, batch_}}; }

  ThreadBudget threads_;
  std::int64_t batch_;
  GanState state_;
  StepBuffers buffers_;
  std::unique_ptr<Dataset> dataset_;
  std::int64_t step_ = 0;
};

}  // namespace miniray::bench
