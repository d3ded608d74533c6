#include "gan/objective.h"

#include "engine/error.h"
#include "nn/loss.h"

namespace miniray {

Objective make_objective(const std::string& loss, double label_smoothing) {
  if (!(label_smoothing >= 0 && label_smoothing < 0.5)) {
    throw invalid_argument("label smoothing must be from 0 to below 0.5, not " +
                           std::to_string(label_smoothing));
  }
  Objective objective{.loss = Loss::kBce, .real_target = 1 - label_smoothing};
  if (loss == "bce") return objective;
  objective.loss = Loss::kLsgan;
  if (loss == "lsgan") return objective;
  if (loss != "hinge") {
    throw invalid_argument("the loss must be bce, hinge or lsgan, not '" + loss + "'");
  }
  if (label_smoothing > 0) {
    throw invalid_argument("the hinge loss has no labels that could be smoothed");
  }
  objective.loss = Loss::kHinge;
  return objective;
}

double discriminator_loss(const Objective& objective, bool real, std::span<const float> logits,
                          std::span<float> dlogits) {
  const double target = real ? objective.real_target : 0;
  switch (objective.loss) {
    case Loss::kBce:
      return bce_with_logits(logits, target, dlogits);
    case Loss::kHinge:
      return hinge(logits, real ? 1.0 : -1.0, dlogits);
    case Loss::kLsgan:
      return half_squared_error(logits, target, dlogits);
  }
  return 0;
}

double generator_loss(const Objective& objective, std::span<const float> logits,
                      std::span<float> dlogits) {
  switch (objective.loss) {
    case Loss::kBce:
      return bce_with_logits(logits, 1, dlogits);
    case Loss::kHinge:
      return negated_mean(logits, dlogits);
    case Loss::kLsgan:
      return half_squared_error(logits, 1, dlogits);
  }
  return 0;
}

}  // namespace miniray
