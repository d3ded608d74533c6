#include "nn/pass_buffers.h"

#include "engine/kernels/scratch.h"
#include "nn/network.h"

namespace miniray {

template <class T>
PassBuffers<T>::PassBuffers(const NetworkPlan<T>& plan, std::int64_t max_batch, PassUse use,
                            std::span<std::byte> lent) {
  for (std::size_t i = 0; i < plan.layer_count(); ++i) {
    saved_.emplace_back(plan.layer(i).saved_bytes(max_batch));
  }
  ScratchLayout own, borrowed;
  std::vector<std::size_t> output_offsets;
  for (const Stage& stage : plan.stages()) {
    output_sizes_.push_back(plan.output_shape(stage.end - 1).elements());
    const bool last = stage.end == plan.layer_count();
    if (!last) output_offsets.push_back(own.add<T>(output_sizes_.back() * max_batch));
  }
  struct Place {
    bool own;
    std::size_t offset;
  };
  std::vector<Place> places;
  if (use == PassUse::kForwardAndBackward) {
    gradient_plan_ = plan_gradients(plan.stages(), output_sizes_, plan.input_shape().elements());
    for (const std::int64_t size : gradient_plan_.slot_sizes) {
      ScratchLayout with_this = borrowed;
      const std::size_t offset = with_this.add<T>(size * max_batch);
      const bool fits = with_this.size() <= lent.size();
      if (fits) borrowed = with_this;
      places.push_back(fits ? Place{false, offset} : Place{true, own.add<T>(size * max_batch)});
    }
  }
  memory_ = AlignedBytes(own.size());
  for (const std::size_t offset : output_offsets) outputs_.push_back(memory_.data() + offset);
  for (const Place& place : places) {
    gradients_.push_back((place.own ? memory_.data() : lent.data()) + place.offset);
  }
}

template <class T>
std::span<T> PassBuffers<T>::output(std::size_t index, std::int64_t batch) {
  return {reinterpret_cast<T*>(outputs_[index]),
          static_cast<std::size_t>(batch * output_sizes_[index])};
}

template <class T>
std::span<T> PassBuffers<T>::gradient_slot(int slot, std::int64_t elements) {
  return {reinterpret_cast<T*>(gradients_[static_cast<std::size_t>(slot)]),
          static_cast<std::size_t>(elements)};
}

template class PassBuffers<float>;
template class PassBuffers<double>;

}  // namespace miniray
