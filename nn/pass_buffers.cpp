#include "nn/pass_buffers.h"

#include <algorithm>

#include "nn/network.h"

namespace miniray {

template <class T>
PassBuffers<T>::PassBuffers(const NetworkPlan<T>& plan, std::int64_t max_batch, PassUse use) {
  const auto bytes = [&](std::int64_t elements) {
    return static_cast<std::size_t>(elements * max_batch) * sizeof(T);
  };
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < plan.layer_count(); ++i) {
    saved_.emplace_back(plan.layer(i).saved_bytes(max_batch));
  }
  for (const Stage& stage : plan.stages()) {
    output_sizes_.push_back(plan.output_shape(stage.end - 1).elements());
    largest = std::max(largest, output_sizes_.back());
    const bool last = stage.end == plan.layer_count();
    if (!last) outputs_.emplace_back(bytes(output_sizes_.back()));
  }
  if (use == PassUse::kForwardOnly) return;
  for (int i = 0; i < 2; ++i) gradients_.emplace_back(bytes(largest));
}

template <class T>
std::span<T> PassBuffers<T>::output(std::size_t index, std::int64_t batch) {
  return {reinterpret_cast<T*>(outputs_[index].data()),
          static_cast<std::size_t>(batch * output_sizes_[index])};
}

template <class T>
std::span<T> PassBuffers<T>::output_gradient(std::size_t index, std::int64_t batch) {
  return {reinterpret_cast<T*>(gradients_[index % 2].data()),
          static_cast<std::size_t>(batch * output_sizes_[index])};
}

template class PassBuffers<float>;
template class PassBuffers<double>;

}  // namespace miniray
