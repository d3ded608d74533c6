#include "gan/loss_guard.h"

#include <algorithm>
#include <cmath>

namespace miniray {
namespace {

constexpr double kFactor = 1000, kRate = 0.01;

bool explodes(double loss, double size) { return std::abs(loss) > kFactor * std::max(1.0, size); }

}  // namespace

LossHealth LossGuard::judge(const StepResult& result) {
  if (!std::isfinite(result.d_loss) || !std::isfinite(result.g_loss)) return LossHealth::kNotFinite;
  const bool explosion = explodes(result.d_loss, d_size_) || explodes(result.g_loss, g_size_);
  if (explosion) return LossHealth::kExploding;
  d_size_ += kRate * (std::abs(result.d_loss) - d_size_);
  g_size_ += kRate * (std::abs(result.g_loss) - g_size_);
  return LossHealth::kGood;
}

void LossGuard::declare(StateFields& fields) {
  fields.add("loss_guard.d_size", d_size_);
  fields.add("loss_guard.g_size", g_size_);
}

}  // namespace miniray
