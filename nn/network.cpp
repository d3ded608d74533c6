#include "nn/network.h"

#include <string>

namespace miniray {

template <class T>
void NetworkPlan<T>::add(std::unique_ptr<Layer<T>> layer) {
  declarations_.set_prefix(std::to_string(layers_.size()) + ".");
  const Shape& input = layers_.empty() ? input_shape_ : output_shapes_.back();
  const Shape output = layer->plan(input, declarations_);
  output_shapes_.push_back(output);
  layers_.push_back(std::move(layer));
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
void Network<T>::forward(const PassContext& context, std::int64_t batch, std::span<const T> x,
                         std::span<T> y, PassBuffers<T>& pass) const {
  const std::size_t last = plan_->layer_count() - 1;
  for (std::size_t i = 0; i <= last; ++i) {
    RandomKey random = context.random;
    random.variant = static_cast<std::uint8_t>(random.variant + i);
    const std::span<const T> in = i == 0 ? x : pass.output(i - 1, batch);
    const std::span<T> out = i == last ? y : pass.output(i, batch);
    plan_->layer(i).forward(
        {context, random, batch, parameters(), statistics(), in, out, pass.saved(i)});
  }
}

template <class T>
void Network<T>::backward(const PassContext& context, std::int64_t batch, std::span<const T> x,
                          std::span<const T> y, std::span<const T> dy, std::span<T> dx,
                          std::span<T> gradients, PassBuffers<T>& pass,
                          const ParameterUpdate<T>* update) const {
  const std::size_t last = plan_->layer_count() - 1;
  for (std::size_t i = last + 1; i-- > 0;) {
    const std::span<const T> in = i == 0 ? x : pass.output(i - 1, batch);
    const std::span<const T> out = i == last ? y : pass.output(i, batch);
    const std::span<const T> out_gradient = i == last ? dy : pass.output_gradient(i, batch);
    const std::span<T> in_gradient = i == 0 ? dx : pass.output_gradient(i - 1, batch);
    plan_->layer(i).backward({context, batch, parameters(), in, out, pass.saved(i), out_gradient,
                              in_gradient, gradients, update});
  }
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
