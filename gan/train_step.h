// One step of the GAN's training (Goodfellow et al., arXiv 1406.2661): an update of D, then one of
// G, on one batch.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/tensor.h"
#include "gan/augment.h"
#include "gan/gan_state.h"
#include "gan/gradient_penalty.h"
#include "gan/objective.h"
#include "gan/step_key.h"
#include "gan/step_result.h"

namespace miniray {

// Called with a network's gradients before its optimizer takes them, such as to average them.
using GradientHook = std::function<void(std::span<float> gradients)>;

struct StepOptions {
  Objective objective{};
  GradientHook hook{};          // empty: none
  bool gradient_norms = false;  // measured; as a hook does, this makes the step slower
  double clip_norm = 0;         // each network's gradient is scaled to this norm at most; 0: never
  bool train_generator = true;
  Augmentation augmentation{};  // of what D sees
};

// The memory of a step, planned once for batches of up to max_batch. The caller fills real(n) and
// latents(n) before each step; of a conditional model also both kinds of labels.
class StepBuffers {
 public:
  // A batch goes through the networks in `passes` parts of nearly equal size, whose gradients add
  // up: the memory of a pass is that of a part. `options` are those of the steps to come. Throws
  // invalid argument where the objective has penalties that D is no network for.
  StepBuffers(const GanState& state, std::int64_t max_batch, std::int64_t passes = 1,
              const StepOptions& options = {});

  std::span<float> real(std::int64_t batch);     // [batch, C, H, W], in [-1, 1]
  std::span<float> latents(std::int64_t batch);  // [batch, latent_dim]
  // [batch], classes of the model's: of the real pictures, and those that G is asked for.
  std::span<std::int32_t> real_labels(std::int64_t batch);
  std::span<std::int32_t> fake_labels(std::int64_t batch);

 private:
  friend class StepRunner;

  std::int64_t pass_batch_;  // samples that a pass has room for
  bool joint_;               // real and fake samples go through D as one batch
  std::int64_t image_size_, latent_dim_;
  Tensor<float> images_;                    // [2 max_batch, image]: real, then fake
  std::optional<Tensor<float>> augmented_;  // what D sees in one of its passes
  Tensor<float> latents_;
  std::vector<std::int32_t> labels_;        // [2 max_batch]: of images_; empty: not conditional
  Tensor<float> logits_, logit_gradients_;  // [2 pass_batch]
  Tensor<float> fake_gradients_;            // [pass_batch, image]
  FlatBuffer<float> generator_gradients_, discriminator_gradients_;
  // G's gradients go back once D's pass is done with, in its memory.
  PassBuffers<float> discriminator_pass_, generator_pass_;
  std::optional<GradientPenalty> penalty_;
};

// Trains `state` on batch samples (at least 2) that stand in `buffers`. The same fakes serve both
// halves. A discriminator with batch normalisation or minibatch standard deviation sees real and
// fake samples as batches of their own; so does one whose batch goes through in several passes, and
// every such layer sees each pass alone. What D sees is augmented anew in each of its passes;
// real(n) stays as it was. Neither logs nor saves nor takes the time. Neither an idle hook nor
// gradient_norms changes a bit of the update. Where it throws, `state` may be half changed;
// `buffers` are ready for the next step.
StepResult train_step(const ThreadBudget& threads, const StepKey& key, std::int64_t batch,
                      GanState& state, StepBuffers& buffers, const StepOptions& options = {});

}  // namespace miniray
