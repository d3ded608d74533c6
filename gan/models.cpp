#include "gan/models.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "gan/sngan.h"
#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/class_layers.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/dropout.h"
#include "nn/minibatch_std_dev.h"
#include "nn/spectral_norm.h"

namespace miniray {
namespace {

constexpr std::int64_t kMaxWidth = 65536;
constexpr std::size_t kMaxHidden = 16;
constexpr std::size_t kMaxClasses = 65536;
constexpr std::int64_t kClassValues = 32;  // that vectors are extended by

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
  throw invalid_argument("the architecture '" + name +
                         "' is unknown; there are mlp, dcgan and sngan");
}

[[noreturn]] void refuse_shape(const std::string& architecture, const Shape& image) {
  throw invalid_argument(architecture + " makes square pictures of " +
                         (architecture == "dcgan" ? "8, 16, " : "") +
                         "32, 64 or 128 pixels a side, not " + image.to_string());
}

void check_image(const Shape& image) {
  if (image.rank() != 3 || (image[0] != 1 && image[0] != 3)) {
    throw invalid_argument(
        "an image has 1 or 3 channels, height and width (such as 3x32x32), not " +
        image.to_string());
  }
  if (image.elements() > kMaxWidth) {
    throw invalid_argument("an image has at most " + std::to_string(kMaxWidth) +
                           " values, such as 3x147x147, not " + image.to_string() + " of " +
                           std::to_string(image.elements()));
  }
  check_width("an image's height", image[1]);
  check_width("an image's width", image[2]);
}

// The reference's widths for mlp, the authors' for sngan; for dcgan 64 channels before the picture,
// and twice as many wherever a side is half as long.
std::vector<std::int64_t> hidden_widths(const std::string& architecture, const Shape& image) {
  if (architecture == "mlp") return GanSpec{}.hidden;
  if (architecture == "sngan") {
    if (sngan_hidden(image).empty()) refuse_shape(architecture, image);
    return sngan_hidden(image);
  }
  if (architecture != "dcgan") refuse_architecture(architecture);
  const std::int64_t count = doublings(image);
  if (count < 0) refuse_shape(architecture, image);
  std::vector<std::int64_t> widths;
  for (std::int64_t n = count; n > 0; --n) widths.push_back(std::int64_t{32} << n);
  return widths;
}

std::string default_d_norm(const std::string& architecture) {
  if (architecture == "sngan") return "spectral";
  return architecture == "dcgan" ? "batch" : "none";
}

void check_d_norm(const GanSpec& spec) {
  const bool sngan = spec.architecture == "sngan";
  if (spec.d_norm == "spectral" || spec.d_norm == "none") return;
  if (spec.d_norm == "batch" && !sngan) return;
  throw invalid_argument("the normalisation of " + spec.architecture +
                         "'s discriminator (--d-norm) is " + (sngan ? "" : "batch, ") +
                         "spectral or none, not '" + spec.d_norm + "'");
}

// Names are shown, and stand one a line in model files.
void check_classes(const std::vector<std::string>& classes) {
  if (classes.size() == 1 || classes.size() > kMaxClasses) {
    throw invalid_argument("a conditional model has from 2 to 65536 classes, not " +
                           std::to_string(classes.size()));
  }
  for (const std::string& name : classes) {
    const bool has_control =
        std::ranges::any_of(name, [](unsigned char letter) { return letter < ' '; });
    if (name.empty() || has_control) {
      throw invalid_argument("a class's name must not be empty nor have control characters");
    }
  }
}

void check_widths(const std::vector<std::int64_t>& widths) {
  if (widths.empty() || widths.size() > kMaxHidden) {
    throw invalid_argument("there must be 1 to 16 hidden layers");
  }
  for (const std::int64_t width : widths) check_width("a hidden layer's width", width);
}

void check_hidden_count(const GanSpec& spec, std::size_t expected, std::size_t found) {
  if (expected == found) return;
  throw invalid_argument("a " + spec.architecture + " for pictures of " +
                         spec.image_shape.to_string() + " has " + std::to_string(expected) +
                         " hidden layers, not " + std::to_string(found));
}

std::vector<std::int64_t> discriminator_widths(const GanSpec& spec) {
  if (!spec.d_hidden.empty()) return spec.d_hidden;
  return {spec.hidden.rbegin(), spec.hidden.rend()};
}

std::unique_ptr<Layer<float>> normalised(const GanSpec& spec, std::unique_ptr<Layer<float>> layer) {
  if (spec.d_norm != "spectral") return layer;
  return std::make_unique<SpectralNorm<float>>(std::move(layer));
}

// Where the model is conditional.
void add_class_input(const GanSpec& spec, std::int64_t extra, NetworkPlan<float>& plan) {
  if (!spec.conditional()) return;
  plan.add(std::make_unique<ClassEmbedding<float>>(spec.class_count(), extra),
           {.name = "embedding"});
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
  add_class_input(spec, kClassValues, plan);
  for (const std::int64_t width : spec.hidden) {
    plan.add(std::make_unique<Dense<float>>(width));
    plan.add(activation(ActivationKind::kReLU));
    if (spec.batch_norm) plan.add(std::make_unique<BatchNorm1d<float>>());
  }
  plan.add(std::make_unique<Dense<float>>(spec.image_shape.elements()));
}

void add_dcgan_generator(const GanSpec& spec, NetworkPlan<float>& plan) {
  add_class_input(spec, kClassValues, plan);
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
  add_class_input(spec, kClassValues, plan);
  bool first = true;
  for (const std::int64_t width : discriminator_widths(spec)) {
    plan.add(normalised(spec, std::make_unique<Dense<float>>(width)));
    if (spec.d_norm == "batch" && !first) plan.add(std::make_unique<BatchNorm1d<float>>());
    plan.add(activation(ActivationKind::kLeakyReLU));
    plan.add(std::make_unique<Dropout<float>>(spec.dropout));
    first = false;
  }
  plan.add(normalised(spec, std::make_unique<Dense<float>>(1)));
}

void add_dcgan_discriminator(const GanSpec& spec, NetworkPlan<float>& plan) {
  add_class_input(spec, 1, plan);
  const bool batch_norm = spec.d_norm == "batch";
  bool first = true;
  for (const std::int64_t channels : discriminator_widths(spec)) {
    plan.add(normalised(spec, convolution(channels, 2, !batch_norm)));
    if (batch_norm && !first) plan.add(std::make_unique<BatchNorm2d<float>>());
    plan.add(activation(ActivationKind::kLeakyReLU));
    first = false;
  }
  if (spec.minibatch_stddev) plan.add(std::make_unique<MinibatchStdDev<float>>());
  plan.add(normalised(spec, convolution(1, 1, !batch_norm)));
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
  if (architecture == "sngan") spec.d_hidden = sngan_d_hidden(image_shape);
  spec.d_norm = d_norm.empty() ? default_d_norm(architecture) : d_norm;
  for (std::vector<std::int64_t>* widths : {&spec.hidden, &spec.d_hidden}) {
    for (std::int64_t& hidden : *widths) {
      hidden = std::max<std::int64_t>(1, std::llround(static_cast<double>(hidden) * width));
    }
  }
  check_spec(spec);
  return spec;
}

void check_spec(const GanSpec& spec) {
  const bool mlp = spec.architecture == "mlp", dcgan = spec.architecture == "dcgan";
  if (!mlp && !dcgan && spec.architecture != "sngan") refuse_architecture(spec.architecture);
  check_d_norm(spec);
  if (mlp && spec.minibatch_stddev) {
    throw invalid_argument(
        "the minibatch standard deviation is a channel of pictures, of which an mlp's "
        "discriminator "
        "has none; dcgan's and sngan's have");
  }
  check_classes(spec.classes);
  check_width("the latent dimension", spec.latent_dim);
  check_image(spec.image_shape);
  check_widths(spec.hidden);
  check_widths(discriminator_widths(spec));
  if (mlp) return;
  if (dcgan) {
    const std::int64_t count = doublings(spec.image_shape);
    if (count < 0) refuse_shape("dcgan", spec.image_shape);
    check_hidden_count(spec, static_cast<std::size_t>(count), spec.hidden.size());
    check_hidden_count(spec, static_cast<std::size_t>(count), discriminator_widths(spec).size());
    return;
  }
  const std::size_t count = sngan_hidden(spec.image_shape).size();
  if (count == 0) refuse_shape("sngan", spec.image_shape);
  check_hidden_count(spec, count, spec.hidden.size());
  check_hidden_count(spec, sngan_d_hidden(spec.image_shape).size(), spec.d_hidden.size());
}

std::shared_ptr<const NetworkPlan<float>> make_generator_plan(const GanSpec& spec) {
  check_spec(spec);
  const bool dcgan = spec.architecture == "dcgan";
  auto plan = std::make_shared<NetworkPlan<float>>(dcgan ? Shape{spec.latent_dim, 1, 1}
                                                         : Shape{spec.latent_dim});
  if (spec.architecture == "mlp") add_mlp_generator(spec, *plan);
  if (dcgan) add_dcgan_generator(spec, *plan);
  if (spec.architecture == "sngan") add_sngan_generator(spec, *plan);
  plan->add(activation(ActivationKind::kTanh));
  return plan;
}

std::shared_ptr<const NetworkPlan<float>> make_discriminator_plan(const GanSpec& spec) {
  check_spec(spec);
  const bool mlp = spec.architecture == "mlp";
  auto plan = std::make_shared<NetworkPlan<float>>(mlp ? Shape{spec.image_shape.elements()}
                                                       : spec.image_shape);
  if (mlp) add_mlp_discriminator(spec, *plan);
  if (spec.architecture == "dcgan") add_dcgan_discriminator(spec, *plan);
  if (spec.architecture == "sngan") add_sngan_discriminator(spec, *plan);
  return plan;
}

}  // namespace miniray
