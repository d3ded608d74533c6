#include "gan/sngan.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/class_layers.h"
#include "nn/conditional_batch_norm.h"
#include "nn/conv.h"
#include "nn/dense.h"
#include "nn/minibatch_std_dev.h"
#include "nn/pooling.h"
#include "nn/resampled_conv.h"
#include "nn/spectral_norm.h"

namespace miniray {
namespace {

using LayerPointer = std::unique_ptr<Layer<float>>;

constexpr std::int64_t kFirstSide = 4;
// Gains of Init::glorot: of 3x3 convolutions within blocks, and of all else.
constexpr double kBranchGain = std::numbers::sqrt2, kGain = 1;

LayerPointer relu() { return std::make_unique<Activation<float>>(ActivationKind::kReLU); }

LayerPointer conv(std::int64_t kernel, std::int64_t channels, double gain, bool bias = true) {
  return std::make_unique<Conv2d<float>>(ConvOptions{.channels = channels,
                                                     .kernel = kernel,
                                                     .padding = kernel / 2,
                                                     .bias = bias,
                                                     .glorot_gain = gain});
}

LayerPointer resampled(Resampling resampling, std::int64_t channels, bool bias) {
  return std::make_unique<ResampledConv2d<float>>(ResampledConvOptions{
      .resampling = resampling, .channels = channels, .bias = bias, .glorot_gain = kBranchGain});
}

LayerPointer batch_norm(const GanSpec& spec) {
  if (!spec.conditional()) return std::make_unique<BatchNorm2d<float>>();
  return std::make_unique<ConditionalBatchNorm2d<float>>(spec.class_count());
}

LayerPointer normalised(const GanSpec& spec, LayerPointer layer) {
  if (spec.d_norm != "spectral") return layer;
  return std::make_unique<SpectralNorm<float>>(std::move(layer));
}

// A 1x1 convolution and Upsample change places without a change of their result: the convolution
// then has a quarter of the pixels. Biases are left out: whatever is added to a channel here, a
// batch norm on its way takes away.
void add_up_block(const GanSpec& spec, const std::string& name, std::int64_t channels,
                  NetworkPlan<float>& plan) {
  const Value x = plan.fork();
  plan.add(conv(1, channels, kGain, false), {.name = name + ".shortcut"});
  plan.add(std::make_unique<Upsample2d<float>>());
  const Value shortcut = plan.fork();
  plan.add(batch_norm(spec), {.name = name + ".norm1", .from = x});
  plan.add(relu());
  plan.add(resampled(Resampling::kUp, channels, false), {.name = name + ".conv1"});
  plan.add(batch_norm(spec), {.name = name + ".norm2"});
  plan.add(relu());
  plan.add(conv(3, channels, kBranchGain, false), {.name = name + ".conv2", .plus = shortcut});
}

struct DownBlock {
  std::int64_t in_channels, inside, channels;
  bool first, down;
};

void add_down_block(const GanSpec& spec, const std::string& name, const DownBlock& block,
                    NetworkPlan<float>& plan) {
  const Value x = plan.fork();
  const bool has_layers = block.down || block.in_channels != block.channels;
  Value shortcut = x;
  if (has_layers) {
    if (block.down) plan.add(std::make_unique<AvgPool2d<float>>());
    plan.add(normalised(spec, conv(1, block.channels, kGain)), {.name = name + ".shortcut"});
    shortcut = plan.fork();
  }
  LayerPointer conv1 = normalised(spec, conv(3, block.inside, kBranchGain));
  if (block.first) {
    plan.add(std::move(conv1), {.name = name + ".conv1", .from = x});
  } else {
    plan.add(relu(), {.from = x});
    plan.add(std::move(conv1), {.name = name + ".conv1"});
  }
  plan.add(relu());
  plan.add(normalised(spec, block.down ? resampled(Resampling::kDown, block.channels, true)
                                       : conv(3, block.channels, kBranchGain)),
           {.name = name + ".conv2", .plus = shortcut});
}

}  // namespace

std::vector<std::int64_t> sngan_hidden(const Shape& image_shape) {
  if (image_shape[1] != image_shape[2]) return {};
  switch (image_shape[1]) {
    case 32:
      return {256, 256, 256, 256};
    case 64:
      return {1024, 512, 256, 128, 64};
    case 128:
      return {1024, 1024, 512, 256, 128, 64};
    default:
      return {};
  }
}

std::vector<std::int64_t> sngan_d_hidden(const Shape& image_shape) {
  switch (image_shape[1]) {
    case 32:
      return {128, 128, 128, 128};
    case 64:
      return {64, 128, 256, 512, 1024};
    default:
      return {64, 128, 256, 512, 1024, 1024};
  }
}

void add_sngan_generator(const GanSpec& spec, NetworkPlan<float>& plan) {
  plan.add(
      std::make_unique<Dense<float>>(Shape{spec.hidden.front(), kFirstSide, kFirstSide}, kGain),
      {.name = "linear"});
  for (std::size_t i = 1; i < spec.hidden.size(); ++i) {
    add_up_block(spec, "block" + std::to_string(i), spec.hidden[i], plan);
  }
  plan.add(std::make_unique<BatchNorm2d<float>>(), {.name = "norm"});
  plan.add(relu());
  plan.add(conv(3, spec.image_shape[0], kGain), {.name = "conv"});
}

void add_sngan_discriminator(const GanSpec& spec, NetworkPlan<float>& plan) {
  std::int64_t channels = spec.image_shape[0], side = spec.image_shape[1];
  const std::int64_t last_side = side > 32 ? 4 : 8;
  for (std::size_t i = 0; i < spec.d_hidden.size(); ++i) {
    const std::string name = "block" + std::to_string(i + 1);
    const bool first = i == 0, last = i + 1 == spec.d_hidden.size();
    // As the authors' networks, the first block is as wide inside as its output, all others as
    // their input.
    DownBlock block{channels, first ? spec.d_hidden[i] : channels, spec.d_hidden[i], first,
                    side > last_side};
    if (last && spec.minibatch_stddev) {
      plan.add(std::make_unique<MinibatchStdDev<float>>(), {.name = name + ".stddev"});
      ++block.in_channels;
    }
    add_down_block(spec, name, block, plan);
    channels = block.channels;
    if (block.down) side /= 2;
  }
  plan.add(relu());
  plan.add(std::make_unique<GlobalSumPool<float>>());
  LayerPointer logit = normalised(spec, std::make_unique<Dense<float>>(1, kGain));
  if (!spec.conditional()) return plan.add(std::move(logit), {.name = "linear"});
  const Value features = plan.fork();
  plan.add(normalised(spec, std::make_unique<ClassProjection<float>>(spec.class_count())),
           {.name = "embedding"});
  const Value projection = plan.fork();
  plan.add(std::move(logit), {.name = "linear", .from = features, .plus = projection});
}

}  // namespace miniray
