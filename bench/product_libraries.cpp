#include "bench/product_libraries.h"

#include "bench/eigen_products.h"

namespace miniray::bench {
namespace {

void do_nothing() {}

ProductLibrary library_of(const std::string& name, const ThreadBudget& threads,
                          bool weights_of_step) {
  const auto bind = [&threads, weights_of_step](const Product& product, const Operands& operands) {
    const Layout layout = weights_of_step ? weights_of(product).layout : Layout::kRows;
    return [&threads, product, operands, layout] {
      multiply(threads, product, operands.a, operands.b, operands.c, layout);
    };
  };
  return {name, weights_of_step, bind, do_nothing};
}

bool eigen_can_run() {
#ifdef MINIRAY_EIGEN_AVX2
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
  return true;
#endif
}

void multiply_by_eigen(const Product& product, const Operands& operands) {
  const auto [m, n, k] = product.shape;
  const float *const a = operands.a.data(), *const b = operands.b.data();
  float* const c = operands.c.data();
  switch (product.kind) {
    case ProductKind::kForward:
      return eigen_nt(m, n, k, a, b, c);
    case ProductKind::kInputGradient:
      return eigen_nn(m, n, k, a, b, c);
    case ProductKind::kWeightGradient:
      return eigen_tn_add(m, n, k, a, b, c);
  }
}

}  // namespace

ProductLibrary own_products(const ThreadBudget& threads) {
  return library_of("ours", threads, true);
}

ProductLibrary openblas_products(const ThreadBudget& threads) {
  return library_of("OpenBLAS", threads, false);
}

ProductLibrary eigen_products(int threads) {
  ProductLibrary library{std::string("Eigen ") + eigen_version(), false, {}, do_nothing};
  if (threads > 1 || !eigen_can_run()) return library;
  library.bind = [](const Product& product, const Operands& operands) {
    return [product, operands] { multiply_by_eigen(product, operands); };
  };
  return library;
}

}  // namespace miniray::bench
