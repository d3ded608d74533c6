#include "gan/step_result.h"

#include <algorithm>

namespace miniray {

StepResult& StepResult::operator+=(const StepResult& other) {
  d_loss += other.d_loss;
  g_loss += other.g_loss;
  d_real += other.d_real;
  d_fake += other.d_fake;
  if (other.d_gradient_norm) d_gradient_norm = other.d_gradient_norm;
  if (other.g_gradient_norm) g_gradient_norm = other.g_gradient_norm;
  return *this;
}

StepResult mean(const StepResult& sum, std::int64_t count) {
  const auto n = static_cast<double>(std::max<std::int64_t>(count, 1));
  return {sum.d_loss / n, sum.g_loss / n,      sum.d_real / n,
          sum.d_fake / n, sum.d_gradient_norm, sum.g_gradient_norm};
}

}  // namespace miniray
