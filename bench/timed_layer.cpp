#include "bench/timed_layer.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace miniray::bench {
namespace {

using Plan = std::shared_ptr<const NetworkPlan<float>>;
using PartOfBatch = std::function<StepPart(std::int64_t batch)>;

// Any layer of `plan`, with the clock around it. It declares the same slices in the same order, so
// the inner layer finds them where it declared them itself.
class TimedLayer : public Layer<float> {
 public:
  TimedLayer(Plan plan, std::size_t index, PartOfBatch part_of, WorkClock& clock)
      : plan_(std::move(plan)), index_(index), part_of_(std::move(part_of)), clock_(clock) {}

  std::string kind() const override { return inner().kind(); }
  std::size_t saved_bytes(std::int64_t batch) const override { return inner().saved_bytes(batch); }
  OutputUse output_use() const override { return inner().output_use(); }
  bool makes_tiles() const override { return false; }  // so that each layer is timed by itself

  Shape plan(const Shape&, Declarations& declarations) override {
    const std::string prefix = std::to_string(index_) + ".";
    const auto declare = [&](const SliceTable& table, auto declare_one) {
      for (const Slice& slice : table.slices()) {
        if (!slice.name.starts_with(prefix)) continue;
        (declarations.*declare_one)(slice.name.substr(prefix.size()), slice.shape, Init{});
      }
    };
    declare(plan_->parameters(), &Declarations::parameter);
    declare(plan_->statistics(), &Declarations::statistic);
    return plan_->output_shape(index_);
  }

  void forward(const ForwardArgs<float>& args) const override {
    time(args.batch, work_of(Work::kLinearForward), [&] { inner().forward(args); });
  }

  // A dense layer's two products one after the other, as it would take them itself.
  void backward(const BackwardArgs<float>& args) const override {
    if (kind() != "Linear") {
      return time(args.batch, work_of({}), [&] { inner().backward(args); });
    }
    BackwardArgs<float> input_gradient = args, weight_gradient = args;
    input_gradient.gradients = {};
    input_gradient.update = nullptr;
    weight_gradient.dx = {};
    if (!args.dx.empty()) {
      time(args.batch, Work::kLinearInputGradient, [&] { inner().backward(input_gradient); });
    }
    if (!args.gradients.empty()) {
      time(args.batch, Work::kLinearWeightGradient, [&] { inner().backward(weight_gradient); });
    }
  }

 protected:
  const Layer<float>& inner() const { return plan_->layer(index_); }
  template <class Action>
  void time(std::int64_t batch, Work work, Action&& action) const {
    clock_.time(part_of_(batch), work, action);
  }

 private:
  Work work_of(Work of_linear) const {
    const std::string name = kind();
    if (name == "Linear") return of_linear;
    if (name == "Dropout") return Work::kDropout;
    return name == "BatchNorm1d" ? Work::kBatchNorm : Work::kActivation;
  }

  Plan plan_;
  std::size_t index_;
  PartOfBatch part_of_;
  WorkClock& clock_;
};

// One that keeps running statistics.
class TimedStatisticsLayer final : public TimedLayer, public KeepsStatistics<float> {
 public:
  using TimedLayer::TimedLayer;

  void update_statistics(std::int64_t batch, std::span<const std::byte> saved,
                         std::span<float> statistics) const override {
    const auto& keeper = dynamic_cast<const KeepsStatistics<float>&>(inner());
    time(batch, Work::kBatchNorm, [&] { keeper.update_statistics(batch, saved, statistics); });
  }
};

// The same network, numbers and all, on timed layers.
Network<float> timed(const Network<float>& network, const Plan& plan, const PartOfBatch& part_of,
                     WorkClock& clock) {
  auto timed_plan = std::make_shared<NetworkPlan<float>>(plan->input_shape());
  for (std::size_t i = 0; i < plan->layer_count(); ++i) {
    if (dynamic_cast<const KeepsStatistics<float>*>(&plan->layer(i)) != nullptr) {
      timed_plan->add(std::make_unique<TimedStatisticsLayer>(plan, i, part_of, clock));
    } else {
      timed_plan->add(std::make_unique<TimedLayer>(plan, i, part_of, clock));
    }
  }
  Network<float> result(std::move(timed_plan));
  std::ranges::copy(network.parameters(), result.parameters().begin());
  std::ranges::copy(network.statistics(), result.statistics().begin());
  return result;
}

}  // namespace

GanState make_timed_gan(const GanSpec& spec, std::int64_t batch, WorkClock& clock) {
  GanState state(spec, {}, 1);
  state.generator = timed(
      state.generator, make_generator_plan(spec), [](std::int64_t) { return StepPart::kGenerator; },
      clock);
  state.discriminator = timed(
      state.discriminator, make_discriminator_plan(spec),
      [batch](std::int64_t rows) {
        return rows == batch ? StepPart::kThroughDiscriminator : StepPart::kDiscriminator;
      },
      clock);
  return state;
}

}  // namespace miniray::bench
