#include "nn/declarations.h"

#include <algorithm>

#include "engine/rng.h"

namespace miniray {

Slice Declarations::declare(const std::string& name, const Shape& shape, Layout layout, Init init) {
  parameter_inits_.push_back(init);
  return parameters_.declare(prefix_ + name, shape, layout);
}

Slice Declarations::parameter(const std::string& name, const Shape& shape, Init init) {
  return declare(name, shape, Layout::kRows, init);
}

Slice Declarations::weights(const std::string& name, const Shape& shape, Init init) {
  return declare(name, shape, blocks_ ? layout_for(shape[1]) : Layout::kRows, init);
}

Slice Declarations::statistic(const std::string& name, const Shape& shape, Init init) {
  statistic_inits_.push_back(init);
  return statistics_.declare(prefix_ + name, shape);
}

template <class T>
void Declarations::init_parameters(std::uint64_t seed, std::uint8_t stream,
                                   std::span<T> buffer) const {
  for (std::size_t i = 0; i < parameter_inits_.size(); ++i) {
    const Init& init = parameter_inits_[i];
    const Slice& slice = parameters_.slices()[i];
    if (init.bound == 0) {
      std::ranges::fill(slice_of(buffer, slice), static_cast<T>(init.value));
      continue;
    }
    const RandomKey key{.seed = seed,
                        .purpose = RandomPurpose::kInit,
                        .variant = stream,
                        .step = static_cast<std::uint32_t>(i)};
    std::vector<T> values(static_cast<std::size_t>(slice.size()));
    fill_uniform<T>(key, static_cast<T>(-init.bound), static_cast<T>(init.bound), values);
    write_slice<T>(values, slice, buffer);
  }
}

template <class T>
void Declarations::init_statistics(std::span<T> buffer) const {
  for (std::size_t i = 0; i < statistic_inits_.size(); ++i) {
    std::ranges::fill(slice_of(buffer, statistics_.slices()[i]),
                      static_cast<T>(statistic_inits_[i].value));
  }
}

template void Declarations::init_parameters(std::uint64_t, std::uint8_t, std::span<float>) const;
template void Declarations::init_parameters(std::uint64_t, std::uint8_t, std::span<double>) const;
template void Declarations::init_statistics(std::span<float>) const;
template void Declarations::init_statistics(std::span<double>) const;

}  // namespace miniray
