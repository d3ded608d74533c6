// Adam over one flat buffer (see engine/kernels/adam.h for the formula).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include "engine/flat_buffer.h"
#include "engine/parallel.h"
#include "engine/rng.h"
#include "engine/state_fields.h"
#include "nn/parameter_update.h"
#include "nn/precision.h"

namespace miniray {

struct AdamOptions {
  double lr = 0.0002;
  double beta1 = 0.5;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// As what moments are stored; where rounded, by which random stream (its step is the update's).
struct MomentOptions {
  Precision precision = Precision::kFloat32;
  RandomKey random{};
};

template <class T>
class Adam {
 public:
  // size: elements of the buffer that it will update. Throws invalid argument where moments of
  // another type than float are to be rounded.
  Adam(const AdamOptions& options, std::int64_t size, const MomentOptions& moments = {});

  // Begins an update of `parameters`, which backward then takes (see Network::backward).
  ParameterUpdate<T> begin_update(std::span<T> parameters);
  // A whole update; `gradients` are consumed: zero afterwards, ready to be added to.
  void step(const ThreadBudget& threads, std::span<T> parameters, std::span<T> gradients);

  // As it began.
  void reset();
  // From the next update on; options' lr times a factor.
  void scale_lr(double factor) { lr_factor_ = factor; }

  std::int64_t steps() const { return steps_; }
  StoredSpan<T> first_moment() { return moment(m_, rounded_m_); }
  StoredSpan<T> second_moment() { return moment(v_, rounded_v_); }
  // What the next update depends on, besides options and factor.
  void declare(const std::string& name, StateFields& fields) requires std::same_as<T, float> {
    fields.add(name + ".first_moment", first_moment());
    fields.add(name + ".second_moment", second_moment());
    fields.add(name + ".steps", steps_);
  }

 private:
  bool rounds() const { return moments_.precision == Precision::kBfloat16; }
  StoredSpan<T> moment(FlatBuffer<T>& exact, FlatBuffer<Bfloat16>& rounded) {
    if (rounds()) return rounded.span();
    return exact.span();
  }

  AdamOptions options_;
  MomentOptions moments_;
  double lr_factor_ = 1;
  std::int64_t steps_ = 0;
  FlatBuffer<T> m_, v_;  // or, empty, these:
  FlatBuffer<Bfloat16> rounded_m_, rounded_v_;
};

}  // namespace miniray
