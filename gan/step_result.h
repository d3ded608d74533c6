// What a step of training says of itself.
#pragma once

#include <cstdint>
#include <optional>

namespace miniray {

struct StepResult {
  double d_loss = 0;  // on real samples and on fake ones, added up, with penalties
  double g_loss = 0;  // after the update of D; 0 where G was not trained
  double d_real = 0;  // what D thinks of real samples (mean_opinion)
  double d_fake = 0;  // and of fake ones, before its update
  // Euclidean norms of the gradients that the optimizers took, where they were asked for.
  std::optional<double> d_gradient_norm{}, g_gradient_norm{};

  // Norms are not added up: the latest stay.
  StepResult& operator+=(const StepResult& other);
};

// Of `count` results and their sum; of none it is zero.
StepResult mean(const StepResult& sum, std::int64_t count);

}  // namespace miniray
