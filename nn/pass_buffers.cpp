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

using WidenedOffsets = std::array<std::size_t, PassBuffers<float>::kWidenedCount>;

// Of a gradient slot: in the pass's own memory, or in what it was lent.
struct SlotPlace {
  bool own;
  std::size_t offset;
};

// What stands where, for max_batch samples.
template <class T>
class PassLayout {
 public:
  PassLayout(std::int64_t max_batch, Precision precision)
      : max_batch_(max_batch), rounded_(precision == Precision::kBfloat16) {}

  // In the pass's own memory: so many numbers of each sample, as they are stored, or of type T.
  std::size_t add_stored(std::int64_t size) { return add_stored(own_, size); }
  std::size_t add_exact(std::int64_t size) { return own_.add<T>(size * max_batch_); }
  // In what is lent, where that has room.
  SlotPlace add_gradient(std::int64_t size, std::size_t lent_bytes) {
    ScratchLayout with_this = borrowed_;
    const std::size_t offset = add_stored(with_this, size);
    if (with_this.size() > lent_bytes) return {true, add_stored(size)};
    borrowed_ = with_this;
    return {false, offset};
  }
  std::size_t own_bytes() const { return own_.size(); }

 private:
  std::size_t add_stored(ScratchLayout& layout, std::int64_t size) const {
    return rounded_ ? layout.add<Bfloat16>(size * max_batch_) : layout.add<T>(size * max_batch_);
  }

  std::int64_t max_batch_;
  bool rounded_;
  ScratchLayout own_, borrowed_;
};

// The last stage's output is the caller's.
template <class T>
std::vector<std::size_t> place_outputs(std::span<const std::int64_t> sizes, PassLayout<T>& layout) {
  std::vector<std::size_t> offsets;
  for (const std::int64_t size : sizes.first(sizes.size() - 1)) {
    offsets.push_back(layout.add_stored(size));
  }
  return offsets;
}

template <class T>
WidenedOffsets place_widened(const WidenedSizes& sizes, bool backward, PassLayout<T>& layout) {
  const std::array all{sizes.x, sizes.y, backward ? sizes.y : 0, backward ? sizes.x : 0};
  WidenedOffsets offsets{};
  for (std::size_t i = 0; i < all.size(); ++i) offsets[i] = layout.add_exact(all[i]);
  return offsets;
}

template <class T>
std::vector<SlotPlace> place_gradients(const GradientPlan& plan, std::size_t lent_bytes,
                                       PassLayout<T>& layout) {
  std::vector<SlotPlace> places;
  for (const std::int64_t size : plan.slot_sizes) {
    places.push_back(layout.add_gradient(size, lent_bytes));
  }
  return places;
}

}  // namespace

template <class T>
PassBuffers<T>::PassBuffers(const NetworkPlan<T>& plan, std::int64_t max_batch, PassUse use,
                            const PassOptions& options)
    : precision_(options.precision) {
  const bool rounded = precision_ == Precision::kBfloat16;
  const bool backward = use == PassUse::kForwardAndBackward;
  if (rounded && !std::is_same_v<T, float>) {
    throw invalid_argument("only networks of floats have passes in bfloat16");
  }
  for (std::size_t i = 0; i < plan.layer_count(); ++i) {
    saved_.emplace_back(plan.layer(i).saved_bytes(max_batch));
  }
  for (const Stage& stage : plan.stages()) {
    output_sizes_.push_back(plan.output_shape(stage.end - 1).elements());
  }
  if (backward) {
    gradient_plan_ = plan_gradients(plan.stages(), output_sizes_, plan.input_shape().elements());
  }
  PassLayout<T> layout(max_batch, precision_);
  const auto outputs = place_outputs<T>(output_sizes_, layout);
  const auto widened =
      place_widened(rounded ? widened_sizes(plan) : WidenedSizes{}, backward, layout);
  const auto gradients = place_gradients(gradient_plan_, options.lent.size(), layout);
  memory_ = AlignedBytes(layout.own_bytes());
  for (const std::size_t offset : outputs) outputs_.push_back(memory_.data() + offset);
  for (std::size_t i = 0; i < widened.size(); ++i) widened_[i] = memory_.data() + widened[i];
  for (const SlotPlace& place : gradients) {
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
