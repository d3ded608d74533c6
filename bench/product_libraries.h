// The libraries whose matrix products are compared, each ready to run a product of a step.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/step_products.h"

namespace miniray::bench {

// Sizes and layouts as bench::multiply takes them, weights in rows but where a library wants them
// as the step keeps them.
struct Operands {
  std::span<const float> a, b;
  std::span<float> c;
};

struct ProductLibrary {
  std::string name;
  bool weights_of_step = false;
  // Gives back the product's computation, with everything decided beforehand that can be; the
  // operands must outlive it. Empty where the library is not to be had here, or not with this
  // number of threads.
  std::function<std::function<void()>(const Product&, const Operands&)> bind;
  // Called after each turn, so that threads that wait for more work do not disturb the next
  // library.
  std::function<void()> end_turn;
};

// `threads` must outlive what they bind.
ProductLibrary own_products(const ThreadBudget& threads);
ProductLibrary openblas_products(const ThreadBudget& threads);
ProductLibrary onednn_products(int threads);
ProductLibrary eigen_products(int threads);  // on one thread alone

}  // namespace miniray::bench
