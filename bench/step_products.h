// The matrix products of one training step, and what the step costs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/kernels/gemm.h"
#include "gan/models.h"

namespace miniray::bench {

// Where in a step: D on real and fake at once, G's gradient on its way through D, and G itself.
enum class StepPart { kDiscriminator, kThroughDiscriminator, kGenerator };

// What for; each is one of the functions of engine/kernels/gemm.h.
enum class ProductKind { kForward, kInputGradient, kWeightGradient };

struct Product {
  StepPart part;
  ProductKind kind;
  GemmShape shape;

  double flop() const { return 2.0 * static_cast<double>(shape.m * shape.n * shape.k); }
};

std::string name_of(StepPart part);
std::string name_of(ProductKind kind);

// Of a dense layer.
GemmShape dense_shape(ProductKind kind, std::int64_t batch, std::int64_t in, std::int64_t out);

// Every product of a step of the mlp, each of which runs once. The first layers' input gradients
// (but for the way from D into G) and D's weight gradients on G's way are not computed and not
// here.
std::vector<Product> step_products(const GanSpec& spec, std::int64_t batch);

// Of all products of a step, convolutions included; of any architecture.
double step_flop(const GanSpec& spec, std::int64_t batch);

// A product's matrix of weights: b, or c for a weight gradient.
struct WeightMatrix {
  std::int64_t rows, columns;
  Layout layout;  // that the step keeps it in
};
WeightMatrix weights_of(const Product& product);

// Computes c, for a weight gradient added to what is there, from a and b as the product's function
// in engine/kernels/gemm.h takes them, without a bias, the weights in the given layout.
void multiply(const ThreadBudget& threads, const Product& product, std::span<const float> a,
              std::span<const float> b, std::span<float> c, Layout weights);

}  // namespace miniray::bench
