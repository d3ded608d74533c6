#include "nn/network.h"

#include <algorithm>
#include <string>

#include "engine/error.h"
#include "engine/kernels/elementwise.h"

namespace miniray {
namespace {

constexpr std::int64_t kElementsPerTile = 16384;

// to += from
template <class T>
void add_all(const ThreadBudget& threads, std::span<const T> from, std::span<T> to) {
  for_each_range(threads, static_cast<std::int64_t>(to.size()), kElementsPerTile,
                 [&](std::int64_t begin, std::int64_t size) {
                   elementwise<T>().add_scaled(T{1}, part(from, begin, size),
                                               part(to, begin, size));
                 });
}

// The same in a tile of matrices of `batch` rows.
template <class T>
void add_tile(std::int64_t batch, const Tile& tile, std::span<const T> from, std::span<T> to) {
  const std::int64_t features = static_cast<std::int64_t>(to.size()) / batch;
  for (std::int64_t row = tile.row; row < tile.row + tile.rows; ++row) {
    elementwise<T>().add_scaled(T{1}, row_of_tile(from, features, row, tile),
                                row_of_tile(to, features, row, tile));
  }
}

}  // namespace

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
class Network<T>::Forward {
 public:
  Forward(const Network& network, const PassContext& context, std::int64_t batch,
          PassBuffers<T>& pass)
      : network_(network), plan_(network.plan()), context_(context), batch_(batch), pass_(pass) {}

  // y: of the last stage.
  void run(std::span<const T> x, std::span<T> y) const {
    const std::size_t count = plan_.stages().size();
    for (std::size_t s = 0; s < count; ++s) {
      const Stage& stage = plan_.stages()[s];
      run(stage, value(stage.source, x), stage.addend == kNoValue ? y : value(stage.addend, x),
          s + 1 == count ? y : pass_.output(s, batch_));
    }
  }

 private:
  // The output of a stage, or the network's input x.
  std::span<const T> value(Value index, std::span<const T> x) const {
    return index == kNetworkInput ? x : pass_.output(static_cast<std::size_t>(index), batch_);
  }

  void run(const Stage& stage, std::span<const T> x, std::span<const T> addend,
           std::span<T> y) const {
    const Layer<T>& head = plan_.layer(stage.first);
    const bool adds = stage.addend != kNoValue;
    if (!head.makes_tiles()) {
      head.forward(args(stage.first, x, y));
      if (adds) add_all(context_.threads, addend, y);
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
      if (adds) add_tile(batch_, tile, addend, y);
      for (std::size_t i = stage.first + 1; i < stage.end; ++i) {
        plan_.in_place(i).forward_tile(args(i, y, y), tile);
      }
    };
    head_args.finished = rest;
    head.forward(head_args);
  }

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
  Forward(*this, context, batch, pass).run(x, y);
}

template <class T>
class Network<T>::Backward {
 public:
  Backward(const Network& network, const PassContext& context, std::int64_t batch,
           std::span<const T> x, std::span<const T> y, std::span<T> gradients, PassBuffers<T>& pass,
           const ParameterUpdate<T>* update, PassBuffers<T>* tangents = nullptr)
      : network_(network),
        stages_(network.plan().stages()),
        gradient_plan_(pass.gradient_plan()),
        context_(context),
        batch_(batch),
        x_(x),
        y_(y),
        gradients_(gradients),
        pass_(pass),
        update_(update),
        tangents_(tangents) {}

  void run(std::span<const T> dy, std::span<T> dx) const {
    const std::size_t last = stages_.size() - 1;
    const bool in_place = stages_[last].end - stages_[last].first > 1;
    if (in_place) {  // dy is the caller's
      run_in_place(last, dy, gradient_of(last));
      dy = gradient_of(last);
    }
    for (std::size_t s = last + 1; s-- > 0;) {
      if (s < last) dy = gradient_of(s);
      run_head(s, dy, dx);
      if (stages_[s].addend != kNoValue) pass_to_addend(s, dy, dx);
    }
  }

 private:
  std::span<T> gradient_of(std::size_t s) const {
    const auto size = static_cast<std::int64_t>(output(s).size());
    return pass_.gradient_slot(gradient_plan_.stages[s].slot, size);
  }
  // Of a value; of the network's input it is dx.
  std::span<T> gradient_of(Value value, std::span<T> dx) const {
    return value == kNetworkInput ? dx : gradient_of(static_cast<std::size_t>(value));
  }

  // The first layer of a stage, and, once their gradient is complete, those of the stage that it
  // reads that work in place.
  void run_head(std::size_t s, std::span<const T> dy, std::span<T> network_dx) const {
    const Layer<T>& head = network_.plan().layer(stages_[s].first);
    const GradientPlan::StagePlan& own = gradient_plan_.stages[s];
    const Value source = stages_[s].source;
    const std::span<T> gradient = gradient_of(source, network_dx);
    const bool adds = own.temporary != GradientPlan::kNoSlot && !gradient.empty();
    const auto size = static_cast<std::int64_t>(gradient.size());
    const std::span<T> dx = adds ? pass_.gradient_slot(own.temporary, size) : gradient;
    BackwardArgs<T> head_args = args(s, stages_[s].first, dy, dx);
    head_args.x = source == kNetworkInput ? x_ : seen(static_cast<std::size_t>(source));
    head_args.linear_part = tangents_ != nullptr;
    const bool completes = own.completes_source && source != kNetworkInput;
    const auto rest = [&](const Tile& tile) {
      if (adds) add_tile<T>(batch_, tile, dx, gradient);
      if (!completes) return;
      const auto below = static_cast<std::size_t>(source);
      for (std::size_t i = stages_[below].end - 1; i > stages_[below].first; --i) {
        network_.plan().in_place(i).backward_tile(args(below, i, gradient, gradient), tile);
      }
    };
    if (head.makes_tiles()) head_args.finished = rest;
    head.backward(head_args);
    if (head.makes_tiles()) return;
    if (adds) add_all<T>(context_.threads, dx, gradient);
    if (completes) run_in_place(static_cast<std::size_t>(source), gradient, gradient);
  }

  // What was added to the output has its gradient.
  void pass_to_addend(std::size_t s, std::span<const T> dy, std::span<T> network_dx) const {
    const GradientPlan::StagePlan& own = gradient_plan_.stages[s];
    const Value addend = stages_[s].addend;
    const std::span<T> gradient = gradient_of(addend, network_dx);
    if (gradient.empty()) return;
    if (own.adds_to_addend) {
      add_all(context_.threads, dy, gradient);
    } else if (gradient.data() != dy.data()) {
      std::ranges::copy(dy, gradient.begin());
    }
    if (own.completes_addend && addend != kNetworkInput) {
      run_in_place(static_cast<std::size_t>(addend), gradient, gradient);
    }
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
    const std::span<const T> out = output(s);
    return {context_,   batch_, network_.parameters(), out, out, pass_.saved(layer), dy, dx,
            gradients_, update_};
  }

  std::span<const T> output(std::size_t s) const {
    return s + 1 == stages_.size() ? y_ : pass_.output(s, batch_);
  }
  // By the layers that read it.
  std::span<const T> seen(std::size_t s) const {
    return tangents_ == nullptr ? output(s) : tangents_->output(s, batch_);
  }

  const Network& network_;
  const std::vector<Stage>& stages_;
  const GradientPlan& gradient_plan_;
  const PassContext& context_;
  const std::int64_t batch_;
  const std::span<const T> x_, y_;
  const std::span<T> gradients_;
  PassBuffers<T>& pass_;
  const ParameterUpdate<T>* update_;
  PassBuffers<T>* tangents_;  // what layers see in place of what forward gave them, x_ likewise
};

template <class T>
void Network<T>::backward(const PassContext& context, std::int64_t batch, std::span<const T> x,
                          std::span<const T> y, std::span<const T> dy, std::span<T> dx,
                          std::span<T> gradients, PassBuffers<T>& pass,
                          const ParameterUpdate<T>* update) const {
  Backward(*this, context, batch, x, y, gradients, pass, update).run(dy, dx);
}

// Where a slope is constant, a tangent is scaled by it as a gradient is.
template <class T>
void Network<T>::forward_tangents(const PassContext& context, std::int64_t batch,
                                  std::span<const T> tx, PassBuffers<T>& pass,
                                  PassBuffers<T>& tangents) const {
  const auto tangent = [&](Value value) {
    return value == kNetworkInput ? tx : tangents.output(static_cast<std::size_t>(value), batch);
  };
  for (std::size_t s = 0; s + 1 < plan_->stages().size(); ++s) {
    const Stage& stage = plan_->stages()[s];
    const std::span<T> out = tangents.output(s, batch);
    const std::span<const T> value = pass.output(s, batch);
    const auto scale_by_slope = [&](std::size_t i, std::span<const T> from) {
      plan_->layer(i).backward(
          {context, batch, parameters(), value, value, pass.saved(i), from, out, {}, nullptr});
    };
    const Layer<T>& head = plan_->layer(stage.first);
    if (head.is_affine()) {
      head.forward({.context = context,
                    .random = {},
                    .batch = batch,
                    .parameters = parameters(),
                    .statistics = statistics(),
                    .x = tangent(stage.source),
                    .y = out,
                    .saved = pass.saved(stage.first),
                    .linear_part = true});
    } else {
      scale_by_slope(stage.first, tangent(stage.source));
    }
    if (stage.addend != kNoValue) add_all<T>(context.threads, tangent(stage.addend), out);
    for (std::size_t i = stage.first + 1; i < stage.end; ++i) scale_by_slope(i, out);
  }
}

template <class T>
void Network<T>::backward_tangents(const PassContext& context, std::int64_t batch,
                                   std::span<const T> tx, std::span<const T> y,
                                   std::span<const T> dy, std::span<T> gradients,
                                   PassBuffers<T>& pass, PassBuffers<T>& tangents) const {
  Backward(*this, context, batch, tx, y, gradients, pass, nullptr, &tangents).run(dy, {});
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
