#include "gan/metrics/frechet.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/error.h"
#include "engine/kernels/gemm.h"
#include "engine/kernels/symmetric_eigen.h"

namespace miniray {
namespace {

double trace_of_root(const ThreadBudget& threads, std::int64_t n, const std::vector<double>& a,
                     const std::vector<double>& b) {
  std::vector<double> root = a;  // rows: eigenvectors, times the roots of their values: R^T
  const auto values = symmetric_eigen(EigenJob::kValuesAndVectors, n, root);
  const auto size = static_cast<std::size_t>(n);
  for (std::size_t i = 0; i < root.size(); ++i)
    root[i] *= std::sqrt(std::max(values[i / size], 0.0));
  std::vector<double> product(a.size()), inner(a.size());
  gemm_nn<double>(threads, {n, n, n}, root, b, product);
  gemm_nt<double>(threads, {n, n, n}, product, root, {}, inner);
  double trace = 0;
  for (const double value : symmetric_eigen(EigenJob::kValues, n, inner)) {
    trace += std::sqrt(std::max(value, 0.0));
  }
  return trace;
}

}  // namespace

double frechet_distance(const ThreadBudget& threads, const Moments& a, const Moments& b) {
  if (a.features() != b.features()) {
    throw invalid_argument("statistics of " + std::to_string(a.features()) + " features and of " +
                           std::to_string(b.features()) + " cannot be compared");
  }
  const std::int64_t n = a.features();
  double distance = 0;
  for (std::size_t i = 0; i < a.mean.size(); ++i) {
    distance += (a.mean[i] - b.mean[i]) * (a.mean[i] - b.mean[i]);
    const std::size_t diagonal = i * (a.mean.size() + 1);
    distance += a.covariance[diagonal] + b.covariance[diagonal];
  }
  return distance - 2 * trace_of_root(threads, n, a.covariance, b.covariance);
}

}  // namespace miniray
