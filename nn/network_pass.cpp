#include <algorithm>

#include "engine/kernels/elementwise.h"
#include "nn/network.h"
#include "nn/row_parts.h"

namespace miniray {
namespace {

// to = from, one of them at least as it is.
template <class T>
void convert(const ThreadBudget& threads, StoredSpan<const T> from, StoredSpan<T> to) {
  for_each_range(threads, to.size(), 16 * kMaxPart, [&](std::int64_t begin, std::int64_t size) {
    if (from.is_rounded()) {
      widen_block<T>(1, size, from.rounded(), begin, 0, to.exact().data() + begin, 0);
    } else {
      round_block<T>(1, size, from.exact().data() + begin, 0, to.rounded(), begin, 0);
    }
  });
}

template <class T>
std::span<const T> widen_into(const ThreadBudget& threads, StoredSpan<const T> from,
                              std::span<T> room) {
  if (!from.is_rounded()) return from.exact();
  convert<T>(threads, from, room);
  return room;
}

template <class T>
void add_part(std::span<const T> from, std::span<T> to) {
  elementwise<T>().add_scaled(T{1}, from, to);
}

}  // namespace

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
      const auto addend = stage.addend == kNoValue ? StoredSpan<const T>() : value(stage.addend, x);
      run(stage, value(stage.source, x), addend,
          s + 1 == count ? StoredSpan<T>(y) : pass_.output(s, batch_));
    }
  }

 private:
  // The output of a stage, or the network's input x.
  StoredSpan<const T> value(Value index, std::span<const T> x) const {
    if (index == kNetworkInput) return x;
    return pass_.output(static_cast<std::size_t>(index), batch_);
  }

  void run(const Stage& stage, StoredSpan<const T> x, StoredSpan<const T> addend,
           StoredSpan<T> y) const {
    const Layer<T>& head = plan_.layer(stage.first);
    if (!head.takes_bfloat16() && (x.is_rounded() || y.is_rounded())) {
      const auto wide_x = widen_into(context_.threads, x, pass_.widened(pass_.kX, x.size()));
      if (!y.is_rounded()) return run(stage, wide_x, addend, y);
      const std::span<T> wide_y = pass_.widened(pass_.kY, y.size());
      run(stage, wide_x, addend, wide_y);
      return convert<T>(context_.threads, wide_y, y);
    }
    for (std::size_t i = stage.first + 1; i < stage.end; ++i) {
      plan_.in_place(i).prepare(args(i, {}, y));
    }
    ForwardArgs<T> head_args = args(stage.first, x, y);
    const auto rest = [&](const Tile& tile) { finish(stage, tile, addend, y); };
    const bool ends_here = addend.empty() && stage.end == stage.first + 1;
    if (head.makes_tiles() && !ends_here) head_args.finished = rest;
    head.forward(head_args);
    if (head.makes_tiles() || ends_here) return;
    for_each_tile_of_rows(context_.threads, batch_, y.size() / batch_, rest);
  }

  // What is added to the first layer's output, and the layers that work on it in place.
  void finish(const Stage& stage, const Tile& tile, StoredSpan<const T> addend,
              StoredSpan<T> y) const {
    PartBuffer<T> y_part, addend_part;
    for_each_part(tile, y.size() / batch_, [&](const RowPart& at) {
      const std::span<T> values = y_part.read_for_writing(y, at);
      if (!addend.empty()) add_part(addend_part.read(addend, at), values);
      for (std::size_t i = stage.first + 1; i < stage.end; ++i) {
        plan_.in_place(i).forward_part(args(i, {}, y), at, values, values);
      }
      y_part.write(y, at);
    });
  }

  ForwardArgs<T> args(std::size_t layer, StoredSpan<const T> x, StoredSpan<T> y) const {
    RandomKey random = context_.random;
    random.variant = static_cast<std::uint8_t>(random.variant + layer);
    return {.context = context_,
            .random = random,
            .batch = batch_,
            .parameters = network_.parameters(),
            .statistics = network_.statistics(),
            .x = x.exact(),
            .y = y.exact(),
            .saved = pass_.saved(layer),
            .rounded = {x.rounded(), y.rounded()}};
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

  void run(StoredSpan<const T> dy, std::span<T> dx) const {
    const std::size_t last = stages_.size() - 1;
    if (stages_[last].end - stages_[last].first > 1) {  // dy is the caller's
      complete({dy, gradient_of(last), false, static_cast<Value>(last)});
      dy = gradient_of(last);
    }
    for (std::size_t s = last + 1; s-- > 0;) {
      if (s < last) dy = gradient_of(s);
      run_head(s, dy, dx);
      if (stages_[s].addend != kNoValue) pass_to_addend(s, dy, dx);
    }
  }

 private:
  // How the gradient of a value goes on from what a reader of it gives.
  struct Completion {
    StoredSpan<const T> given;
    StoredSpan<T> gradient;  // may be the same memory
    bool adds;               // or it is what is given
    Value of;                // whose layers that work in place take it then; kNoValue: of none
  };

  StoredSpan<T> gradient_of(std::size_t s) const {
    return pass_.gradient_slot(gradient_plan_.stages[s].slot, output(s).size());
  }
  // Of a value; of the network's input it is dx.
  StoredSpan<T> gradient_of(Value value, std::span<T> dx) const {
    if (value == kNetworkInput) return dx;
    return gradient_of(static_cast<std::size_t>(value));
  }

  // The first layer of a stage, and, once their gradient is complete, those of the stage that it
  // reads that work in place.
  void run_head(std::size_t s, StoredSpan<const T> dy, std::span<T> network_dx) const {
    const Layer<T>& head = network_.plan().layer(stages_[s].first);
    const GradientPlan::StagePlan& own = gradient_plan_.stages[s];
    const Value source = stages_[s].source;
    const StoredSpan<T> gradient = gradient_of(source, network_dx);
    const bool adds = own.temporary != GradientPlan::kNoSlot && !gradient.empty();
    StoredSpan<T> dx = adds ? pass_.gradient_slot(own.temporary, gradient.size()) : gradient;
    StoredSpan<const T> x =
        source == kNetworkInput ? StoredSpan<const T>(x_) : seen(static_cast<std::size_t>(source));
    StoredSpan<const T> y = output(s);
    if (!head.takes_bfloat16()) widen(head, x, y, dy, dx);
    BackwardArgs<T> head_args = args(stages_[s].first, x, y, dy, dx);
    head_args.linear_part = tangents_ != nullptr;
    const bool completes = own.completes_source && source != kNetworkInput;
    const Completion completion{dx, gradient, adds, completes ? source : kNoValue};
    const auto rest = [&](const Tile& tile) { complete(completion, tile); };
    const bool needed = needs(completion);
    if (head.makes_tiles() && needed) head_args.finished = rest;
    head.backward(head_args);
    if (needed && !head.makes_tiles()) complete(completion);
  }

  // For a layer that does not take bfloat16.
  void widen(const Layer<T>& layer, StoredSpan<const T>& x, StoredSpan<const T>& y,
             StoredSpan<const T>& dy, StoredSpan<T>& dx) const {
    const ThreadBudget& threads = context_.threads;
    x = widen_into(threads, x, pass_.widened(pass_.kX, x.size()));
    dy = widen_into(threads, dy, pass_.widened(pass_.kDy, dy.size()));
    if (layer.output_use() == OutputUse::kNone) {
      y = {};
    } else {
      y = widen_into(threads, y, pass_.widened(pass_.kY, y.size()));
    }
    if (dx.is_rounded()) dx = pass_.widened(pass_.kDx, dx.size());
  }

  // What was added to the output has its gradient.
  void pass_to_addend(std::size_t s, StoredSpan<const T> dy, std::span<T> network_dx) const {
    const GradientPlan::StagePlan& own = gradient_plan_.stages[s];
    const Value addend = stages_[s].addend;
    const bool completes = own.completes_addend && addend != kNetworkInput;
    const Completion completion{dy, gradient_of(addend, network_dx), own.adds_to_addend,
                                completes ? addend : kNoValue};
    if (needs(completion)) complete(completion);
  }

  bool needs(const Completion& c) const {
    if (c.gradient.empty()) return false;
    return c.adds || c.given.address() != c.gradient.address() ||
           (c.of != kNoValue && layers_in_place(c.of) > 0);
  }
  std::size_t layers_in_place(Value of) const {
    const Stage& stage = stages_[static_cast<std::size_t>(of)];
    return stage.end - stage.first - 1;
  }

  void complete(const Completion& c) const {
    for_each_tile_of_rows(context_.threads, batch_, c.gradient.size() / batch_,
                          [&](const Tile& tile) { complete(c, tile); });
  }

  void complete(const Completion& c, const Tile& tile) const {
    PartBuffer<T> given_part, gradient_part, y_part;
    for_each_part(tile, c.gradient.size() / batch_, [&](const RowPart& at) {
      std::span<const T> dy = given_part.read(c.given, at);
      std::span<T> gradient = gradient_part.room(c.gradient, at);
      if (c.adds) {
        gradient = gradient_part.read_for_writing(c.gradient, at);
        add_part(dy, gradient);
        dy = gradient;
      }
      if (c.of != kNoValue) run_in_place(static_cast<std::size_t>(c.of), at, y_part, dy, gradient);
      if (dy.data() != gradient.data()) std::ranges::copy(dy, gradient.begin());
      gradient_part.write(c.gradient, at);
    });
  }

  // Leaves dy at what was made of it last.
  void run_in_place(std::size_t s, const RowPart& at, PartBuffer<T>& y_part, std::span<const T>& dy,
                    std::span<T> gradient) const {
    if (layers_in_place(static_cast<Value>(s)) == 0) return;
    const std::span<const T> y = y_part.read(output(s), at);
    for (std::size_t i = stages_[s].end - 1; i > stages_[s].first; --i) {
      network_.plan().in_place(i).backward_part(args(i, {}, {}, {}, {}), at, y, dy, gradient);
      dy = gradient;
    }
  }

  BackwardArgs<T> args(std::size_t layer, StoredSpan<const T> x, StoredSpan<const T> y,
                       StoredSpan<const T> dy, StoredSpan<T> dx) const {
    return {.context = context_,
            .batch = batch_,
            .parameters = network_.parameters(),
            .x = x.exact(),
            .y = y.exact(),
            .saved = pass_.saved(layer),
            .dy = dy.exact(),
            .dx = dx.exact(),
            .gradients = gradients_,
            .update = update_,
            .rounded = {x.rounded(), y.rounded(), dy.rounded(), dx.rounded()}};
  }

  StoredSpan<const T> output(std::size_t s) const {
    if (s + 1 == stages_.size()) return y_;
    return pass_.output(s, batch_);
  }
  // By the layers that read it.
  StoredSpan<const T> seen(std::size_t s) const {
    if (tangents_ == nullptr) return output(s);
    return tangents_->output(s, batch_);
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
    if (value == kNetworkInput) return tx;
    return std::span<const T>(tangents.output(static_cast<std::size_t>(value), batch).exact());
  };
  for (std::size_t s = 0; s + 1 < plan_->stages().size(); ++s) {
    const Stage& stage = plan_->stages()[s];
    const std::span<T> out = tangents.output(s, batch).exact();
    const std::span<const T> value = pass.output(s, batch).exact();
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
    if (stage.addend != kNoValue) {
      const std::span<const T> addend = tangent(stage.addend);
      for_each_range(context.threads, static_cast<std::int64_t>(out.size()), 16 * kMaxPart,
                     [&](std::int64_t begin, std::int64_t size) {
                       add_part(part(addend, begin, size), part(out, begin, size));
                     });
    }
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

#define MINIRAY_PASSES(T)                                                                          \
  template void Network<T>::forward(const PassContext&, std::int64_t, std::span<const T>,          \
                                    std::span<T>, PassBuffers<T>&) const;                          \
  template void Network<T>::backward(const PassContext&, std::int64_t, std::span<const T>,         \
                                     std::span<const T>, std::span<const T>, std::span<T>,         \
                                     std::span<T>, PassBuffers<T>&, const ParameterUpdate<T>*)     \
      const;                                                                                       \
  template void Network<T>::forward_tangents(const PassContext&, std::int64_t, std::span<const T>, \
                                             PassBuffers<T>&, PassBuffers<T>&) const;              \
  template void Network<T>::backward_tangents(                                                     \
      const PassContext&, std::int64_t, std::span<const T>, std::span<const T>,                    \
      std::span<const T>, std::span<T>, PassBuffers<T>&, PassBuffers<T>&) const;
MINIRAY_PASSES(float)
MINIRAY_PASSES(double)
#undef MINIRAY_PASSES

}  // namespace miniray
