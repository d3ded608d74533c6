#include "gan/models.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv.h"
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

constexpr std::int64_t kFirstSide = 4;  // of dcgan's smallest pictures

// How often dcgan doubles 4x4 pixels, or -1 where that never gives a picture's shape.
std::int64_t doublings(const Shape& image) {
  if (image[1] != image[2]) return -1;
  for (std::int64_t n = 1, side = 2 * kFirstSide; side <= image[1]; ++n, side *= 2) {
    if (side == image[1]) return n;
  }
  return -1;
}

[[noreturn]] void refuse_architecture(const std::string& name) {
  throw invalid_argument("the architecture '" + name + "' is unknown; there are mlp and dcgan");
}

[[noreturn]] void refuse_shape(const Shape& image) {
  throw invalid_argument("dcgan makes square pictures of 8, 16, 32, 64 or 128 pixels a side, not " +
                         image.to_string());
}

void check_image(const Shape& image) {
  if (image.rank() != 3 || (image[0] != 1 && image[0] != 3)) {
    throw invalid_argument(
        "an image has 1 or 3 channels, height and width (such as 3x32x32), not " +
        image.to_string());
  }
  check_width("the number of values in an image", image.elements());
}

// The reference's widths for mlp; for dcgan 64 channels before the picture, and twice as many
// wherever a side is half as long.
std::vector<std::int64_t> hidden_widths(const std::string& architecture, const Shape& image) {
  if (architecture == "mlp") return GanSpec{}.hidden;
  if (architecture != "dcgan") refuse_architecture(architecture);
  const std::int64_t count = doublings(image);
  if (count < 0) refuse_shape(image);
  std::vector<std::int64_t> widths;
  for (std::int64_t n = count; n > 0; --n) widths.push_back(std::int64_t{32} << n);
  return widths;
}

std::string default_d_norm(const std::string& architecture) {
  return architecture == "dcgan" ? "batch" : "none";
}

void check_d_norm(const std::string& d_norm) {
  if (d_norm == "batch" || d_norm == "none") return;
  throw invalid_argument("the discriminator's normalisation is batch or none, not '" + d_norm +
                         "'");
}

std::unique_ptr<Layer<float>> convolution(std::int64_t channels, std::int64_t stride, bool bias) {
  return std::make_unique<Conv2d<float>>(ConvOptions{
      .channels = channels, .kernel = 4, .stride = stride, .padding = stride - 1, .bias = bias});
}

std::unique_ptr<Layer<float>> transposed(std::int64_t channels, std::int64_t stride) {
  return std::make_unique<ConvTranspose2d<float>>(ConvOptions{
      .channels = channels, .kernel = 4, .stride = stride, .padding = stride - 1, .bias = false});
}

void add_mlp_generator(const GanSpec& spec, NetworkPlan<float>& plan) {
  for (const std::int64_t width : spec.hidden) {
    plan.add(std::make_unique<Dense<float>>(width));
    plan.add(activation(ActivationKind::kReLU));
    if (spec.batch_norm) plan.add(std::make_unique<BatchNorm1d<float>>());
  }
  plan.add(std::make_unique<Dense<float>>(spec.image_shape.elements()));
}

void add_dcgan_generator(const GanSpec& spec, NetworkPlan<float>& plan) {
  std::int64_t stride = 1;
  for (const std::int64_t channels : spec.hidden) {
    plan.add(transposed(channels, stride));
    plan.add(std::make_unique<BatchNorm2d<float>>());
    plan.add(activation(ActivationKind::kReLU));
    stride = 2;
  }
  plan.add(transposed(spec.image_shape[0], stride));
}

void add_mlp_discriminator(const GanSpec& spec, NetworkPlan<float>& plan) {
  const bool batch_norm = spec.d_norm == "batch";
  for (auto width = spec.hidden.rbegin(); width != spec.hidden.rend(); ++width) {
    plan.add(std::make_unique<Dense<float>>(*width));
    if (batch_norm && width != spec.hidden.rbegin()) {
      plan.add(std::make_unique<BatchNorm1d<float>>());
    }
    plan.add(activation(ActivationKind::kLeakyReLU));
    plan.add(std::make_unique<Dropout<float>>(spec.dropout));
  }
  plan.add(std::make_unique<Dense<float>>(1));
}

void add_dcgan_discriminator(const GanSpec& spec, NetworkPlan<float>& plan) {
  const bool batch_norm = spec.d_norm == "batch";
  for (auto channels = spec.hidden.rbegin(); channels != spec.hidden.rend(); ++channels) {
    plan.add(convolution(*channels, 2, !batch_norm));
    if (batch_norm && channels != spec.hidden.rbegin()) {
      plan.add(std::make_unique<BatchNorm2d<float>>());
    }
    plan.add(activation(ActivationKind::kLeakyReLU));
  }
  plan.add(convolution(1, 1, !batch_norm));
}

}  // namespace

GanSpec make_spec(const std::string& architecture, std::int64_t latent_dim,
                  const Shape& image_shape, double width, const std::string& d_norm) {
  check_image(image_shape);
  GanSpec spec;
  spec.architecture = architecture;
  spec.latent_dim = latent_dim;
  spec.image_shape = image_shape;
  spec.hidden = hidden_widths(architecture, image_shape);
  spec.d_norm = d_norm.empty() ? default_d_norm(architecture) : d_norm;
  for (std::int64_t& hidden : spec.hidden) {
    hidden = std::max<std::int64_t>(1, std::llround(static_cast<double>(hidden) * width));
  }
  check_spec(spec);
  return spec;
}

void check_spec(const GanSpec& spec) {
  if (spec.architecture != "mlp" && spec.architecture != "dcgan") {
    refuse_architecture(spec.architecture);
  }
  check_d_norm(spec.d_norm);
  check_width("the latent dimension", spec.latent_dim);
  check_image(spec.image_shape);
  if (spec.hidden.empty() || spec.hidden.size() > kMaxHidden) {
    throw invalid_argument("there must be 1 to 16 hidden layers");
  }
  for (const std::int64_t width : spec.hidden) check_width("a hidden layer's width", width);
  if (spec.architecture != "dcgan") return;
  const std::int64_t count = doublings(spec.image_shape);
  if (count < 0) refuse_shape(spec.image_shape);
  if (count != static_cast<std::int64_t>(spec.hidden.size())) {
    throw invalid_argument("a dcgan for pictures of " + spec.image_shape.to_string() + " has " +
                           std::to_string(count) + " hidden layers, not " +
                           std::to_string(spec.hidden.size()));
  }
}

std::shared_ptr<const NetworkPlan<float>> make_generator_plan(const GanSpec& spec) {
  check_spec(spec);
  const bool mlp = spec.architecture == "mlp";
  auto plan = std::make_shared<NetworkPlan<float>>(mlp ? Shape{spec.latent_dim}
                                                       : Shape{spec.latent_dim, 1, 1});
  mlp ? add_mlp_generator(spec, *plan) : add_dcgan_generator(spec, *plan);
  plan->add(activation(ActivationKind::kTanh));
  return plan;
}

std::shared_ptr<const NetworkPlan<float>> make_discriminator_plan(const GanSpec& spec) {
  check_spec(spec);
  auto plan = std::make_shared<NetworkPlan<float>>(spec.image_shape);
  spec.architecture == "mlp" ? add_mlp_discriminator(spec, *plan)
                             : add_dcgan_discriminator(spec, *plan);
  return plan;
}

}  // namespace miniray
