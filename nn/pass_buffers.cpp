#include "nn/pass_buffers.h"

#include <algorithm>
#include <type_traits>

#include "engine/error.h"
#include "engine/kernels/scratch.h"
#include "nn/network.h"

namespace miniray {
namespace {

// Of a sample, the most that a layer which does not take bfloat16 reads and makes.
struct WidenedSizes {
  std::int64_t x = 0, y = 0;
};

template <class T>
WidenedSizes widened_sizes(const NetworkPlan<T>& plan) {
  WidenedSizes sizes;
  for (const Stage& stage : plan.stages()) {
    if (plan.layer(stage.first).takes_bfloat16()) continue;
    const std::int64_t x = plan.layer_input_shape(stage.first).elements();
    const std::int64_t y = plan.output_shape(stage.first).elements();
    if (stage.source != kNetworkInput) sizes.x = std::max(sizes.x, x);
    sizes.y = std::max(sizes.y, y);
  }
  return sizes;
}

}  // namespace

template <class T>
PassBuffers<T>::PassBuffers(const NetworkPlan<T>& plan, std::int64_t max_batch, PassUse use,
                            const PassOptions& options)
    : precision_(options.precision) {
  const bool rounded = precision_ == Precision::kBfloat16;
  if (rounded && !std::is_same_v<T, float>) {
    throw invalid_argument("only networks of floats have passes in bfloat16");
  }
  for (std::size_t i = 0; i < plan.layer_count(); ++i) {
    saved_.emplace_back(plan.layer(i).saved_bytes(max_batch));
  }
  const auto add = [&](ScratchLayout& layout, std::int64_t size) {
    return rounded ? layout.add<Bfloat16>(size * max_batch) : layout.add<T>(size * max_batch);
  };
  ScratchLayout own, borrowed;
  std::vector<std::size_t> output_offsets;
  for (const Stage& stage : plan.stages()) {
    output_sizes_.push_back(plan.output_shape(stage.end - 1).elements());
    const bool last = stage.end == plan.layer_count();
    if (!last) output_offsets.push_back(add(own, output_sizes_.back()));
  }
  const bool backward = use == PassUse::kForwardAndBackward;
  const WidenedSizes widened = rounded ? widened_sizes(plan) : WidenedSizes{};
  const std::array<std::int64_t, kWidenedCount> sizes = {
      widened.x, widened.y, backward ? widened.y : 0, backward ? widened.x : 0};
  std::array<std::size_t, kWidenedCount> widened_offsets{};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    widened_offsets[i] = own.add<T>(sizes[i] * max_batch);
  }
  struct Place {
    bool own;
    std::size_t offset;
  };
  std::vector<Place> places;
  if (backward) {
    gradient_plan_ = plan_gradients(plan.stages(), output_sizes_, plan.input_shape().elements());
    for (const std::int64_t size : gradient_plan_.slot_sizes) {
      ScratchLayout with_this = borrowed;
      const std::size_t offset = add(with_this, size);
      const bool fits = with_this.size() <= options.lent.size();
      if (fits) borrowed = with_this;
      places.push_back(fits ? Place{false, offset} : Place{true, add(own, size)});
    }
  }
  memory_ = AlignedBytes(own.size());
  for (const std::size_t offset : output_offsets) outputs_.push_back(memory_.data() + offset);
  for (std::size_t i = 0; i < sizes.size(); ++i) widened_[i] = memory_.data() + widened_offsets[i];
  for (const Place& place : places) {
    gradients_.push_back((place.own ? memory_.data() : options.lent.data()) + place.offset);
  }
}

template <class T>
StoredSpan<T> PassBuffers<T>::stored(std::byte* memory, std::int64_t elements) const {
  const auto count = static_cast<std::size_t>(elements);
  if (precision_ == Precision::kBfloat16) {
    return std::span<Bfloat16>(reinterpret_cast<Bfloat16*>(memory), count);
  }
  return std::span<T>(reinterpret_cast<T*>(memory), count);
}

template <class T>
StoredSpan<T> PassBuffers<T>::output(std::size_t index, std::int64_t batch) {
  return stored(outputs_[index], batch * output_sizes_[index]);
}

template <class T>
StoredSpan<T> PassBuffers<T>::gradient_slot(int slot, std::int64_t elements) {
  return stored(gradients_[static_cast<std::size_t>(slot)], elements);
}

template <class T>
std::span<T> PassBuffers<T>::widened(Widened which, std::int64_t elements) {
  return {reinterpret_cast<T*>(widened_[which]), static_cast<std::size_t>(elements)};
}

template class PassBuffers<float>;
template class PassBuffers<double>;

}  // namespace miniray
