#include "gan/models.h"

#include <algorithm>

#include "engine/error.h"
#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/dense.h"
#include "nn/dropout.h"

namespace miniray {
namespace {

constexpr std::int64_t kMaxWidth = 65536;
constexpr std::size_t kMaxHidden = 16;

void check_width(const std::string& what, std::int64_t width) {
  if (width < 1 || width > kMaxWidth) {
    throw invalid_argument(what + " must be from 1 to " + std::to_string(kMaxWidth) + ", not " +
                           std::to_string(width));
  }
}

std::unique_ptr<Layer<float>> activation(ActivationKind kind) {
  return std::make_unique<Activation<float>>(kind);
}

}  // namespace

void check_spec(const GanSpec& spec) {
  if (spec.architecture != "mlp") {
    throw invalid_argument("the architecture '" + spec.architecture + "' is unknown; there is mlp");
  }
  check_width("the latent dimension", spec.latent_dim);
  if (spec.image_shape.rank() != 3 || (spec.image_shape[0] != 1 && spec.image_shape[0] != 3)) {
    throw invalid_argument(
        "an image has 1 or 3 channels, height and width (such as 3x32x32), not " +
        spec.image_shape.to_string());
  }
  check_width("the number of values in an image", spec.image_shape.elements());
  if (spec.hidden.empty() || spec.hidden.size() > kMaxHidden) {
    throw invalid_argument("there must be 1 to 16 hidden layers");
  }
  for (const std::int64_t width : spec.hidden) check_width("a hidden layer's width", width);
}

std::shared_ptr<const NetworkPlan<float>> make_generator_plan(const GanSpec& spec) {
  check_spec(spec);
  auto plan = std::make_shared<NetworkPlan<float>>(Shape{spec.latent_dim});
  for (const std::int64_t width : spec.hidden) {
    plan->add(std::make_unique<Dense<float>>(width));
    plan->add(activation(ActivationKind::kReLU));
    if (spec.batch_norm) plan->add(std::make_unique<BatchNorm1d<float>>());
  }
  plan->add(std::make_unique<Dense<float>>(spec.image_shape.elements()));
  plan->add(activation(ActivationKind::kTanh));
  return plan;
}

std::shared_ptr<const NetworkPlan<float>> make_discriminator_plan(const GanSpec& spec) {
  check_spec(spec);
  auto plan = std::make_shared<NetworkPlan<float>>(spec.image_shape);
  for (auto width = spec.hidden.rbegin(); width != spec.hidden.rend(); ++width) {
    plan->add(std::make_unique<Dense<float>>(*width));
    plan->add(activation(ActivationKind::kLeakyReLU));
    plan->add(std::make_unique<Dropout<float>>(spec.dropout));
  }
  plan->add(std::make_unique<Dense<float>>(1));
  return plan;
}

}  // namespace miniray
