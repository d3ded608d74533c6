#include "nn/pass_buffers.h"

#include "nn/network.h"

namespace miniray {

template <class T>
PassBuffers<T>::PassBuffers(const NetworkPlan<T>& plan, std::int64_t max_batch, PassUse use) {
  const auto bytes = [&](std::int64_t elements) {
    return static_cast<std::size_t>(elements * max_batch) * sizeof(T);
  };
  for (std::size_t i = 0; i < plan.layer_count(); ++i) {
    saved_.emplace_back(plan.layer(i).saved_bytes(max_batch));
  }
  for (const Stage& stage : plan.stages()) {
    output_sizes_.push_back(plan.output_shape(stage.end - 1).elements());
    const bool last = stage.end == plan.layer_count();
    if (!last) outputs_.emplace_back(bytes(output_sizes_.back()));
  }
  if (use == PassUse::kForwardOnly) return;
  gradient_plan_ = plan_gradients(plan.stages(), output_sizes_, plan.input_shape().elements());
  for (const std::int64_t size : gradient_plan_.slot_sizes) gradients_.emplace_back(bytes(size));
}

template <class T>
std::span<T> PassBuffers<T>::output(std::size_t index, std::int64_t batch) {
  return {reinterpret_cast<T*>(outputs_[index].data()),
          static_cast<std::size_t>(batch * output_sizes_[index])};
}

template <class T>
std::span<T> PassBuffers<T>::gradient_slot(int slot, std::int64_t elements) {
  return {reinterpret_cast<T*>(gradients_[static_cast<std::size_t>(slot)].data()),
          static_cast<std::size_t>(elements)};
}

template class PassBuffers<float>;
template class PassBuffers<double>;

}  // namespace miniray
