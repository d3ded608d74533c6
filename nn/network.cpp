#include "nn/network.h"

#include <string>

namespace miniray {

template <class T>
void NetworkPlan<T>::add(std::unique_ptr<Layer<T>> layer) {
  declarations_.set_prefix(std::to_string(layers_.size()) + ".");
  const Shape& input = layers_.empty() ? input_shape_ : output_shapes_.back();
  const Shape output = layer->plan(input, declarations_);
  const auto* elementwise = dynamic_cast<const ElementwiseLayer<T>*>(layer.get());
  const std::size_t index = layers_.size();
  if (joins_last_stage(elementwise)) {
    ++stages_.back().end;
  } else {
    stages_.push_back({index, index + 1});
  }
  output_shapes_.push_back(output);
  elementwise_.push_back(elementwise);
  layers_.push_back(std::move(layer));
}

// In place, the layer must leave of the output before it what that layer's backward reads.
template <class T>
bool NetworkPlan<T>::joins_last_stage(const ElementwiseLayer<T>* layer) const {
  if (layer == nullptr || stages_.empty()) return false;
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
class Network<T>::Forward {
 public:
  Forward(const Network& network, const PassContext& context, std::int64_t batch,
          PassBuffers<T>& pass)
      : network_(network), plan_(network.plan()), context_(context), batch_(batch), pass_(pass) {}

  void run(const Stage& stage, std::span<const T> x, std::span<T> y) const {
    const Layer<T>& head = plan_.layer(stage.first);
    if (!head.makes_tiles()) {
      head.forward(args(stage.first, x, y));
      for (std::size_t i = stage.first + 1; i < stage.end; ++i) {
        plan_.layer(i).forward(args(i, y, y));
      }
      return;
    }
    for (std::size_t i = stage.first + 1; i < stage.end; ++i) {
      plan_.in_place(i).prepare(args(i, y, y));
    }
    ForwardArgs<T> head_args = args(stage.first, x, y);
    const auto rest = [&](const Tile& tile) {
      for (std::size_t i = stage.first + 1; i < stage.end; ++i) {
        plan_.in_place(i).forward_tile(args(i, y, y), tile);
      }
    };
    head_args.finished = rest;
    head.forward(head_args);
  }

 private:
  ForwardArgs<T> args(std::size_t layer, std::span<const T> x, std::span<T> y) const {
    RandomKey random = context_.random;
    random.variant = static_cast<std::uint8_t>(random.variant + layer);
    return {context_,          random, batch_, network_.parameters(), network_.statistics(), x, y,
            pass_.saved(layer)};
  }

  const Network& network_;
  const NetworkPlan<T>& plan_;
  const PassContext& context_;
  const std::int64_t batch_;
  PassBuffers<T>& pass_;
};

template <class T>
void Network<T>::forward(const PassContext& context, std::int64_t batch, std::span<const T> x,
                         std::span<T> y, PassBuffers<T>& pass) const {
  const Forward forward(*this, context, batch, pass);
  const std::vector<Stage>& stages = plan_->stages();
  for (std::size_t s = 0; s < stages.size(); ++s) {
    forward.run(stages[s], s == 0 ? x : pass.output(s - 1, batch),
                s + 1 == stages.size() ? y : pass.output(s, batch));
  }
}

template <class T>
class Network<T>::Backward {
 public:
  Backward(const Network& network, const PassContext& context, std::int64_t batch,
           std::span<const T> x, std::span<const T> y, std::span<T> gradients, PassBuffers<T>& pass,
           const ParameterUpdate<T>* update)
      : network_(network),
        stages_(network.plan().stages()),
        context_(context),
        batch_(batch),
        x_(x),
        y_(y),
        gradients_(gradients),
        pass_(pass),
        update_(update) {}

  void run(std::span<const T> dy, std::span<T> dx) const {
    const std::size_t last = stages_.size() - 1;
    const bool in_place = stages_[last].end - stages_[last].first > 1;
    if (in_place) {  // dy is the caller's
      run_in_place(last, dy, pass_.output_gradient(last, batch_));
      dy = pass_.output_gradient(last, batch_);
    }
    for (std::size_t s = last + 1; s-- > 0;) {
      run_head(s, dy, s == 0 ? dx : pass_.output_gradient(s - 1, batch_));
      if (s > 0) dy = pass_.output_gradient(s - 1, batch_);
    }
  }

 private:
  // The first layer of a stage, and those of the stage below that work in place.
  void run_head(std::size_t s, std::span<const T> dy, std::span<T> dx) const {
    const Layer<T>& head = network_.plan().layer(stages_[s].first);
    BackwardArgs<T> head_args = args(s, stages_[s].first, dy, dx);
    head_args.x = s == 0 ? x_ : pass_.output(s - 1, batch_);
    const auto rest = [&](const Tile& tile) {
      for (std::size_t i = stages_[s - 1].end - 1; i > stages_[s - 1].first; --i) {
        network_.plan().in_place(i).backward_tile(args(s - 1, i, dx, dx), tile);
      }
    };
    if (s > 0 && head.makes_tiles()) head_args.finished = rest;
    head.backward(head_args);
    if (s > 0 && !head.makes_tiles()) run_in_place(s - 1, dx, dx);
  }

  void run_in_place(std::size_t s, std::span<const T> dy, std::span<T> dx) const {
    for (std::size_t i = stages_[s].end - 1; i > stages_[s].first; --i) {
      network_.plan().layer(i).backward(args(s, i, dy, dx));
      dy = dx;
    }
  }

  // x is that of a layer that works in place.
  BackwardArgs<T> args(std::size_t s, std::size_t layer, std::span<const T> dy,
                       std::span<T> dx) const {
    const std::span<const T> out = s + 1 == stages_.size() ? y_ : pass_.output(s, batch_);
    return {context_,   batch_, network_.parameters(), out, out, pass_.saved(layer), dy, dx,
            gradients_, update_};
  }

  const Network& network_;
  const std::vector<Stage>& stages_;
  const PassContext& context_;
  const std::int64_t batch_;
  const std::span<const T> x_, y_;
  const std::span<T> gradients_;
  PassBuffers<T>& pass_;
  const ParameterUpdate<T>* update_;
};

template <class T>
void Network<T>::backward(const PassContext& context, std::int64_t batch, std::span<const T> x,
                          std::span<const T> y, std::span<const T> dy, std::span<T> dx,
                          std::span<T> gradients, PassBuffers<T>& pass,
                          const ParameterUpdate<T>* update) const {
  Backward(*this, context, batch, x, y, gradients, pass, update).run(dy, dx);
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
