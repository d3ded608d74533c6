// Adam over one flat buffer (see engine/kernels/adam.h for the formula).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include "engine/flat_buffer.h"
#include "engine/parallel.h"
#include "engine/state_fields.h"
#include "nn/parameter_update.h"

namespace miniray {

struct AdamOptions {
  double lr = 0.0002;
  double beta1 = 0.5;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

template <class T>
class Adam {
 public:
  // size: elements of the buffer that it will update.
  Adam(const AdamOptions& options, std::int64_t size);

  // Begins an update of `parameters`, which backward then takes (see Network::backward).
  ParameterUpdate<T> begin_update(std::span<T> parameters);
  // A whole update; `gradients` are consumed: zero afterwards, ready to be added to.
  void step(const ThreadBudget& threads, std::span<T> parameters, std::span<T> gradients);

  // As it began.
  void reset();
  // From the next update on; options' lr times a factor.
  void scale_lr(double factor) { lr_factor_ = factor; }

  std::int64_t steps() const { return steps_; }
  std::span<T> first_moment() { return m_.span(); }
  std::span<T> second_moment() { return v_.span(); }
  // What the next update depends on, besides options and factor.
  void declare(const std::string& name, StateFields& fields) requires std::same_as<T, float> {
    fields.add(name + ".first_moment", m_.span());
    fields.add(name + ".second_moment", v_.span());
    fields.add(name + ".steps", steps_);
  }

 private:
  AdamOptions options_;
  double lr_factor_ = 1;
  std::int64_t steps_ = 0;
  FlatBuffer<T> m_, v_;
};

}  // namespace miniray
