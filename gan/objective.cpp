#include "gan/objective.h"

#include <cmath>

#include "engine/error.h"
#include "nn/loss.h"

namespace miniray {

namespace {

Loss loss_of(const std::string& name) {
  if (name == "bce") return Loss::kBce;
  if (name == "hinge") return Loss::kHinge;
  if (name == "lsgan") return Loss::kLsgan;
  if (name == "wgan-gp") return Loss::kWganGp;
  throw invalid_argument("the loss must be bce, hinge, lsgan or wgan-gp, not '" + name + "'");
}

void check_penalties(Loss loss, const Penalties& penalties) {
  const auto& [gp_weight, r1, r1_every] = penalties;
  if (!(gp_weight > 0 && std::isfinite(gp_weight))) {
    throw invalid_argument("the weight of wgan-gp's penalty (--gp-weight) must be above 0, not " +
                           std::to_string(gp_weight));
  }
  if (loss != Loss::kWganGp && gp_weight != Penalties{}.gp_weight) {
    throw invalid_argument("a weight of wgan-gp's penalty (--gp-weight) needs the loss wgan-gp");
  }
  if (!(r1 >= 0 && std::isfinite(r1))) {
    throw invalid_argument("R1's gamma (--r1) must be at least 0 (none), not " +
                           std::to_string(r1));
  }
  if (r1_every < 1) {
    throw invalid_argument("R1 is taken every 1 or more steps (--r1-every), not " +
                           std::to_string(r1_every));
  }
  if (r1_every > 1 && r1 == 0) {
    throw invalid_argument(
        "steps between two of R1's penalties (--r1-every) need a gamma above 0 (--r1)");
  }
}

}  // namespace

double Objective::r1_factor(std::int64_t step) const {
  const std::int64_t every = penalties.r1_every;
  return (step - 1) % every == 0 ? penalties.r1 / 2 * static_cast<double>(every) : 0;
}

Objective make_objective(const std::string& loss, double label_smoothing,
                         const Penalties& penalties) {
  if (!(label_smoothing >= 0 && label_smoothing < 0.5)) {
    throw invalid_argument("label smoothing (--label-smoothing) must be from 0 to below 0.5, not " +
                           std::to_string(label_smoothing));
  }
  const Objective objective{loss_of(loss), 1 - label_smoothing, penalties};
  const bool labels = objective.loss == Loss::kBce || objective.loss == Loss::kLsgan;
  if (label_smoothing > 0 && !labels) {
    throw invalid_argument("the loss " + loss +
                           " has no labels that could be smoothed (--label-smoothing)");
  }
  check_penalties(objective.loss, penalties);
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
    case Loss::kWganGp:
      return scaled_mean(logits, real ? -1.0 : 1.0, dlogits);
  }
  return 0;
}

double generator_loss(const Objective& objective, std::span<const float> logits,
                      std::span<float> dlogits) {
  switch (objective.loss) {
    case Loss::kBce:
      return bce_with_logits(logits, 1, dlogits);
    case Loss::kHinge:
    case Loss::kWganGp:
      return scaled_mean(logits, -1, dlogits);
    case Loss::kLsgan:
      return half_squared_error(logits, 1, dlogits);
  }
  return 0;
}

double mean_opinion(const Objective& objective, std::span<const float> logits) {
  if (objective.loss == Loss::kWganGp) return scaled_mean<float>(logits, 1, {});
  return mean_probability(logits);
}

}  // namespace miniray
