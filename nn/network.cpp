#include "nn/network.h"

#include <algorithm>
#include <string>

#include "engine/error.h"

namespace miniray {

template <class T>
void NetworkPlan<T>::add(std::unique_ptr<Layer<T>> layer, const Place& place) {
  const std::size_t index = layers_.size();
  const Value source = place.from.value_or(static_cast<Value>(stages_.size()) - 1);
  const Shape input = shape_of(source);
  names_.push_back(place.name.empty() ? std::to_string(index) : place.name);
  declarations_.set_prefix(names_.back() + ".");
  const Shape output = layer->plan(input, declarations_);
  if (place.plus && shape_of(*place.plus) != output) {
    throw invalid_argument(layer->kind() + " " + names_.back() + " makes " + output.to_string() +
                           "; what is added to it is " + shape_of(*place.plus).to_string());
  }
  if (place.plus && layer->output_use() != OutputUse::kNone) {
    throw invalid_argument("nothing can be added to what " + layer->kind() + " " + names_.back() +
                           " makes: its backward reads that");
  }
  const auto* elementwise = dynamic_cast<const ElementwiseLayer<T>*>(layer.get());
  if (!place.from && !place.plus && joins_last_stage(elementwise)) {
    ++stages_.back().end;
  } else {
    stages_.push_back({index, index + 1, source, place.plus.value_or(kNoValue)});
  }
  input_shapes_.push_back(input);
  output_shapes_.push_back(output);
  elementwise_.push_back(elementwise);
  layers_.push_back(std::move(layer));
}

template <class T>
Value NetworkPlan<T>::fork() {
  return forked_ = static_cast<Value>(stages_.size()) - 1;
}

template <class T>
bool NetworkPlan<T>::mixes_samples() const {
  return std::ranges::any_of(layers_, [](const auto& layer) { return layer->mixes_samples(); });
}

template <class T>
const Shape& NetworkPlan<T>::shape_of(Value value) const {
  if (value == kNetworkInput) return input_shape_;
  return output_shapes_[stages_[static_cast<std::size_t>(value)].end - 1];
}

// In place, the layer must leave of the output before it what that layer's backward reads.
template <class T>
bool NetworkPlan<T>::joins_last_stage(const ElementwiseLayer<T>* layer) const {
  if (layer == nullptr || stages_.empty()) return false;
  if (forked_ == static_cast<Value>(stages_.size()) - 1) return false;
  for (std::size_t i = stages_.back().first; i < stages_.back().end; ++i) {
    const OutputUse use = layers_[i]->output_use();
    if (use == OutputUse::kValue || (use == OutputUse::kSign && !layer->keeps_signs()))
      return false;
  }
  return true;
}

template <class T>
Network<T>::Network(std::shared_ptr<const NetworkPlan<T>> plan)
    : plan_(std::move(plan)),
      parameters_(plan_->parameters().buffer_size()),
      statistics_(plan_->statistics().buffer_size()) {}

template <class T>
void Network<T>::init(std::uint64_t seed, std::uint8_t stream) {
  plan_->declarations().init_parameters(seed, stream, parameters());
  plan_->declarations().init_statistics(statistics());
}

template <class T>
void Network<T>::update_statistics(std::int64_t batch, const PassBuffers<T>& pass) {
  for (std::size_t i = 0; i < plan_->layer_count(); ++i) {
    const auto* keeper = dynamic_cast<const KeepsStatistics<T>*>(&plan_->layer(i));
    if (keeper != nullptr) keeper->update_statistics(batch, pass.saved(i), statistics());
  }
}

template class NetworkPlan<float>;
template class NetworkPlan<double>;
template class Network<float>;
template class Network<double>;

}  // namespace miniray
