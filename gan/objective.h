// What D and G are trained for: a loss over D's logits, its own and G's.
//
//           D, real l            D, fake l           G, fake l
//   bce     softplus(-l)         softplus(l)         softplus(-l)      arXiv 1406.2661
//   hinge   max(0, 1 - l)        max(0, 1 + l)       -l                arXiv 1705.02894
//   lsgan   (l - 1)^2 / 2        l^2 / 2             (l - 1)^2 / 2     arXiv 1611.04076
//   wgan-gp -l                   l                   -l                arXiv 1704.00028
//
// each as a mean over the batch. One-sided label smoothing (arXiv 1606.03498) puts real_target in
// place of the target 1 of real samples in bce and lsgan; the others have none. To D's loss come
// the penalties on its gradient: of wgan-gp, and R1 with any loss (gan/gradient_penalty.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace miniray {

enum class Loss { kBce, kHinge, kLsgan, kWganGp };

struct Penalties {
  double gp_weight = 10;  // of wgan-gp's
  double r1 = 0;          // gamma; 0: none
  // R1 is taken at every so manieth step, so many times as large (Karras et al., arXiv 1912.04958,
  // section 3.1: lazy regularisation).
  std::int64_t r1_every = 1;
};

struct Objective {
  Loss loss = Loss::kBce;
  double real_target = 1;
  Penalties penalties{};

  bool penalises() const { return loss == Loss::kWganGp || penalties.r1 > 0; }
  // Of R1's mean square norm at a step, which counts from 1.
  double r1_factor(std::int64_t step) const;
};

// "bce", "hinge", "lsgan" or "wgan-gp"; label_smoothing is taken from the target 1. Throws invalid
// argument, naming what is wrong.
Objective make_objective(const std::string& loss, double label_smoothing,
                         const Penalties& penalties = {});

// D's loss on real samples or on fake ones; dlogits: its gradient, overwritten.
double discriminator_loss(const Objective& objective, bool real, std::span<const float> logits,
                          std::span<float> dlogits);
// G's loss, by D's logits on its samples.
double generator_loss(const Objective& objective, std::span<const float> logits,
                      std::span<float> dlogits);
// What D thinks of samples: the mean of the probabilities sigmoid(l). wgan-gp's D gives scores
// instead, of which differences alone mean something: their mean.
double mean_opinion(const Objective& objective, std::span<const float> logits);

}  // namespace miniray
