#include "bench/step_products.h"

#include <numeric>

namespace miniray::bench {
namespace {

struct DenseSize {
  std::int64_t in, out;
};

// The dense layers of a network, in order.
std::vector<DenseSize> dense_sizes(const NetworkPlan<float>& plan) {
  std::vector<DenseSize> sizes;
  for (const Slice& slice : plan.parameters().slices()) {
    if (slice.shape.rank() == 2) sizes.push_back({slice.shape[1], slice.shape[0]});
  }
  return sizes;
}

const Slice& weight_of(const NetworkPlan<float>& plan, const std::string& layer) {
  for (const Slice& slice : plan.parameters().slices()) {
    if (slice.name.starts_with(layer + ".weight")) return slice;
  }
  return plan.parameters().find(layer + ".weight");
}

// What each layer with weights costs forward for one sample: every weight meets every pixel of the
// smaller of a convolution's two pictures (whatever the padding), or one vector.
std::vector<double> forward_flop(const NetworkPlan<float>& plan) {
  std::vector<double> flop;
  for (std::size_t i = 0; i < plan.layer_count(); ++i) {
    const std::string kind = plan.layer(i).kind();
    if (kind != "Linear" && kind != "Conv2d" && kind != "ConvTranspose2d") continue;
    const Shape &input = plan.layer_input_shape(i), &output = plan.output_shape(i);
    const Slice& weight = weight_of(plan, plan.name(i));
    if (kind == "Linear") {
      flop.push_back(2.0 * static_cast<double>(weight.size()));
      continue;
    }
    const bool up = kind == "ConvTranspose2d" || output[1] > input[1];
    const Shape& picture = up ? input : output;
    double taps = static_cast<double>(weight.size());
    // Resampled 3x3 convolutions are made as ones of 4x4.
    if (weight.shape[2] == 3 && output[1] != input[1]) taps *= 16.0 / 9;
    flop.push_back(2.0 * taps * static_cast<double>(picture[1] * picture[2]));
  }
  return flop;
}

// One product for each layer from `first` on.
void add(StepPart part, ProductKind kind, std::int64_t batch, const std::vector<DenseSize>& layers,
         std::size_t first, std::vector<Product>& products) {
  for (std::size_t i = first; i < layers.size(); ++i) {
    products.push_back({part, kind, dense_shape(kind, batch, layers[i].in, layers[i].out)});
  }
}

}  // namespace

std::string name_of(StepPart part) {
  switch (part) {
    case StepPart::kDiscriminator:
      return "D, real and fake";
    case StepPart::kThroughDiscriminator:
      return "G through D";
    default:
      return "G";
  }
}

std::string name_of(ProductKind kind) {
  switch (kind) {
    case ProductKind::kForward:
      return "forward";
    case ProductKind::kInputGradient:
      return "input gradient";
    default:
      return "weight gradient";
  }
}

GemmShape dense_shape(ProductKind kind, std::int64_t batch, std::int64_t in, std::int64_t out) {
  switch (kind) {
    case ProductKind::kForward:
      return {batch, out, in};
    case ProductKind::kInputGradient:
      return {batch, in, out};
    default:
      return {out, in, batch};
  }
}

std::vector<Product> step_products(const GanSpec& spec, std::int64_t batch) {
  const auto discriminator = dense_sizes(*make_discriminator_plan(spec));
  const auto generator = dense_sizes(*make_generator_plan(spec));
  std::vector<Product> products;
  using enum StepPart;
  using enum ProductKind;
  add(kDiscriminator, kForward, 2 * batch, discriminator, 0, products);
  add(kDiscriminator, kInputGradient, 2 * batch, discriminator, 1, products);
  add(kDiscriminator, kWeightGradient, 2 * batch, discriminator, 0, products);
  add(kThroughDiscriminator, kForward, batch, discriminator, 0, products);
  add(kThroughDiscriminator, kInputGradient, batch, discriminator, 0, products);
  add(kGenerator, kForward, batch, generator, 0, products);
  add(kGenerator, kInputGradient, batch, generator, 1, products);
  add(kGenerator, kWeightGradient, batch, generator, 0, products);
  return products;
}

double step_flop(const GanSpec& spec, std::int64_t batch) {
  const auto discriminator = forward_flop(*make_discriminator_plan(spec));
  const auto generator = forward_flop(*make_generator_plan(spec));
  const double d = std::accumulate(discriminator.begin(), discriminator.end(), 0.0);
  const double g = std::accumulate(generator.begin(), generator.end(), 0.0);
  // D on real and fake: three products, but no gradient of the pictures; on G's way two; G: three,
  // but no gradient of the latents.
  return static_cast<double>(batch) *
         (2 * (3 * d - discriminator.front()) + 2 * d + 3 * g - generator.front());
}

WeightMatrix weights_of(const Product& product) {
  const auto [m, n, k] = product.shape;
  switch (product.kind) {
    case ProductKind::kForward:
      return {n, k, layout_for(k)};
    case ProductKind::kInputGradient:
      return {k, n, layout_for(n)};
    case ProductKind::kWeightGradient:
      break;
  }
  return {m, n, layout_for(n)};
}

void multiply(const ThreadBudget& threads, const Product& product, std::span<const float> a,
              std::span<const float> b, std::span<float> c, Layout weights) {
  switch (product.kind) {
    case ProductKind::kForward:
      return gemm_nt<float>(threads, product.shape, a, b, {}, c, {}, weights);
    case ProductKind::kInputGradient:
      return gemm_nn<float>(threads, product.shape, a, b, c, {}, weights);
    case ProductKind::kWeightGradient:
      return gemm_tn_add<float>(threads, product.shape, a, b, c, weights);
  }
}

}  // namespace miniray::bench
