#include "gan/metrics/classifier.h"

#include "engine/error.h"
#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/pooling.h"

namespace miniray {
namespace {

constexpr std::int64_t kMaxExtent = 4'096;
constexpr std::size_t kMaxWidths = 64;

void check(const char* what, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return;
  throw invalid_argument("the " + std::string(what) + " of a classifier must be from " +
                         std::to_string(low) + " to " + std::to_string(high) + ", not " +
                         std::to_string(value));
}

void check_spec(const ClassifierSpec& spec) {
  if (spec.image_shape.rank() != 3) {
    throw invalid_argument("a classifier takes pictures (channels x height x width), not " +
                           spec.image_shape.to_string());
  }
  for (int axis = 0; axis < 3; ++axis)
    check("picture's extent", spec.image_shape[axis], 1, kMaxExtent);
  check("number of classes", spec.classes, 2, kMaxExtent);
  if (spec.widths.empty() || spec.widths.size() > kMaxWidths ||
      spec.widths.size() != spec.strides.size()) {
    throw invalid_argument("a classifier has 1 to 64 widths and as many strides");
  }
  for (const std::int64_t width : spec.widths) check("width", width, 1, kMaxExtent);
  for (const std::int64_t stride : spec.strides) check("stride", stride, 1, 2);
}

}  // namespace

std::shared_ptr<const NetworkPlan<float>> make_classifier_plan(const ClassifierSpec& spec) {
  check_spec(spec);
  auto plan = std::make_shared<NetworkPlan<float>>(spec.image_shape);
  for (std::size_t i = 0; i < spec.widths.size(); ++i) {
    plan->add(std::make_unique<Conv2d<float>>(ConvOptions{.channels = spec.widths[i],
                                                          .kernel = 3,
                                                          .stride = spec.strides[i],
                                                          .padding = 1,
                                                          .bias = false}));
    plan->add(std::make_unique<BatchNorm2d<float>>());
    plan->add(std::make_unique<Activation<float>>(ActivationKind::kReLU));
  }
  plan->add(std::make_unique<GlobalAveragePool<float>>());
  plan->add(std::make_unique<Dense<float>>(spec.classes));
  return plan;
}

}  // namespace miniray
