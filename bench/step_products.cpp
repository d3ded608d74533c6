#include "bench/step_products.h"

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
  double flop = 0;
  for (const Product& product : step_products(spec, batch)) flop += product.flop();
  return flop;
}

void multiply(const ThreadBudget& threads, const Product& product, std::span<const float> a,
              std::span<const float> b, std::span<float> c) {
  switch (product.kind) {
    case ProductKind::kForward:
      return gemm_nt<float>(threads, product.shape, a, b, {}, c);
    case ProductKind::kInputGradient:
      return gemm_nn<float>(threads, product.shape, a, b, c);
    case ProductKind::kWeightGradient:
      return gemm_tn_add<float>(threads, product.shape, a, b, c);
  }
}

}  // namespace miniray::bench
