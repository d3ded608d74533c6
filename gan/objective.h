// What D and G are trained for: a loss over D's logits, its own and G's.
//
//           D, real l            D, fake l           G, fake l
//   bce     softplus(-l)         softplus(l)         softplus(-l)      arXiv 1406.2661
//   hinge   max(0, 1 - l)        max(0, 1 + l)       -l                arXiv 1705.02894
//   lsgan   (l - 1)^2 / 2        l^2 / 2             (l - 1)^2 / 2     arXiv 1611.04076
//
// each as a mean over the batch. One-sided label smoothing (arXiv 1606.03498) puts real_target in
// place of the target 1 of real samples in bce and lsgan; hinge has none.
#pragma once

#include <span>
#include <string>

namespace miniray {

enum class Loss { kBce, kHinge, kLsgan };

struct Objective {
  Loss loss = Loss::kBce;
  double real_target = 1;
};

// "bce", "hinge" or "lsgan"; label_smoothing is taken from the target 1. Throws invalid argument,
// naming what is wrong.
Objective make_objective(const std::string& loss, double label_smoothing);

// D's loss on real samples or on fake ones; dlogits: its gradient, overwritten.
double discriminator_loss(const Objective& objective, bool real, std::span<const float> logits,
                          std::span<float> dlogits);
// G's loss, by D's logits on its samples.
double generator_loss(const Objective& objective, std::span<const float> logits,
                      std::span<float> dlogits);

}  // namespace miniray
