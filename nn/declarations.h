// What a network's layers declare once, in order: the named slices of its parameters and of its
// running statistics, and what each holds at the start. Initialisation, checkpoint and messages
// follow this table.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/flat_buffer.h"

namespace miniray {

// A slice begins with `value` in every element, or uniform in [-bound, bound) where bound > 0.
struct Init {
  double value = 0;
  double bound = 0;

  static Init constant(double value) { return {.value = value}; }
  static Init uniform(double bound) { return {.bound = bound}; }
  // Glorot and Bengio (AISTATS 2010), times a gain; in and out: weights of one output, of one
  // input.
  static Init glorot(double gain, std::int64_t in, std::int64_t out) {
    return uniform(gain * std::sqrt(6 / static_cast<double>(in + out)));
  }
};

class Declarations {
 public:
  Declarations() = default;
  // Where weights() may lie in blocks, or not.
  explicit Declarations(bool blocks) : blocks_(blocks) {}

  // Slices are named prefix + name, as in the state_dict of a torch.nn.Sequential ("0." "weight").
  void set_prefix(const std::string& prefix) { prefix_ = prefix; }
  Slice parameter(const std::string& name, const Shape& shape, Init init);
  // A matrix [out, in] that is multiplied with, in layout_for(in).
  Slice weights(const std::string& name, const Shape& shape, Init init);
  Slice statistic(const std::string& name, const Shape& shape, Init init);

  const SliceTable& parameters() const { return parameters_; }
  const SliceTable& statistics() const { return statistics_; }
  // By index, as the slices of parameters().
  const Init& parameter_init(std::size_t index) const { return parameter_inits_[index]; }

  // Fill the whole buffers as declared. Parameters are drawn from (seed, stream, slice, element),
  // so that two networks of one seed need two streams. T is float or double.
  template <class T>
  void init_parameters(std::uint64_t seed, std::uint8_t stream, std::span<T> buffer) const;
  template <class T>
  void init_statistics(std::span<T> buffer) const;

 private:
  Slice declare(const std::string& name, const Shape& shape, Layout layout, Init init);

  bool blocks_ = true;
  std::string prefix_;
  SliceTable parameters_, statistics_;
  std::vector<Init> parameter_inits_, statistic_inits_;
};

}  // namespace miniray
