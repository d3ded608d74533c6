// A chain of layers, with branches where one asks for them, and its weights.
//
// NetworkPlan is what is fixed: layers, shapes, the tables of slices. Network adds the two flat
// buffers that training changes. Gradients belong to whoever trains; the state of a pass to whoever
// passes. All spans of a network's size have plan().parameters().buffer_size() elements.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/elementwise_layer.h"
#include "nn/layer.h"
#include "nn/pass_buffers.h"
#include "nn/stage.h"

namespace miniray {

// Where a layer stands that is not simply the next of a chain.
struct Place {
  std::string name{};           // its slices are "<name>.<slice>"; empty: its index
  std::optional<Value> from{};  // what it reads; empty: the output of the layer before it
  std::optional<Value> plus{};  // what is added to its output
};

template <class T>
class NetworkPlan {
 public:
  explicit NetworkPlan(const Shape& sample_shape) : input_shape_(sample_shape) {}

  // Plans the layer behind the ones before it, or in a place of its own. Throws invalid argument
  // where its input does not fit, or what is added has another shape.
  void add(std::unique_ptr<Layer<T>> layer, const Place& place = {});
  // The output of the last layer so far (the network's input before the first), for more than one
  // later layer: no other works in place on it. A residual block is
  //
  //   const Value x = plan.fork();
  //   plan.add(first layer of the branch); ...
  //   plan.add(last layer of the branch, {.plus = x});
  //
  // and the gradients of a value's readers add up.
  Value fork();

  std::size_t layer_count() const { return layers_.size(); }
  const Layer<T>& layer(std::size_t index) const { return *layers_[index]; }
  const std::string& name(std::size_t index) const { return names_[index]; }
  // Every layer is in one stage. The first of a stage may be of any kind.
  const std::vector<Stage>& stages() const { return stages_; }
  // Of a layer that is not the first of its stage.
  const ElementwiseLayer<T>& in_place(std::size_t index) const { return *elementwise_[index]; }
  const Shape& input_shape() const { return input_shape_; }
  // Of what layer `index` reads and makes, one sample.
  const Shape& layer_input_shape(std::size_t index) const { return input_shapes_[index]; }
  const Shape& output_shape(std::size_t index) const { return output_shapes_[index]; }
  const Shape& output_shape() const { return output_shapes_.back(); }
  const Declarations& declarations() const { return declarations_; }
  const SliceTable& parameters() const { return declarations_.parameters(); }
  const SliceTable& statistics() const { return declarations_.statistics(); }
  // Whether in training samples of one batch depend on each other.
  bool mixes_samples() const;

 private:
  const Shape& shape_of(Value value) const;
  bool joins_last_stage(const ElementwiseLayer<T>* layer) const;

  Shape input_shape_;
  std::vector<std::unique_ptr<Layer<T>>> layers_;
  std::vector<const ElementwiseLayer<T>*> elementwise_;  // the same layers; null: of another kind
  std::vector<std::string> names_;
  std::vector<Stage> stages_;
  std::vector<Shape> input_shapes_, output_shapes_;
  Value forked_ = kNoValue;  // the last output, where it is
  Declarations declarations_;
};

// Copies share the plan and own their numbers.
template <class T>
class Network {
 public:
  // Parameters and statistics are zero until init or a load. The plan must not change any more.
  explicit Network(std::shared_ptr<const NetworkPlan<T>> plan);

  const NetworkPlan<T>& plan() const { return *plan_; }
  std::span<T> parameters() { return parameters_.span(); }
  std::span<const T> parameters() const { return parameters_.span(); }
  std::span<T> statistics() { return statistics_.span(); }
  std::span<const T> statistics() const { return statistics_.span(); }

  // As the layers declared; streams tell the networks of one seed apart.
  void init(std::uint64_t seed, std::uint8_t stream);

  // y [batch, output...] from x [batch, input...]; what backward needs goes to `pass`.
  void forward(const PassContext& context, std::int64_t batch, std::span<const T> x, std::span<T> y,
               PassBuffers<T>& pass) const;
  // After forward with the same context, batch, x, y and pass. dx overwritten, gradients added;
  // either may be empty: not wanted. An update, of this network's parameters, is taken layer by
  // layer on the way; gradients are then zero before and after.
  void backward(const PassContext& context, std::int64_t batch, std::span<const T> x,
                std::span<const T> y, std::span<const T> dy, std::span<T> dx,
                std::span<T> gradients, PassBuffers<T>& pass,
                const ParameterUpdate<T>* update = nullptr) const;
  // For networks whose passes are exact, of affine layers and elementwise ones whose slope is
  // constant around their input (nn/input_gradient.h), after forward and with its context, batch, y
  // and pass. First the tangents along tx [batch, input...]: into `tangents`, buffers of this plan,
  // the derivatives of all stages' outputs but the last one's. Then, with these: gradients += the
  // gradient of <dy, J tx>, J being the derivative of y by x.
  void forward_tangents(const PassContext& context, std::int64_t batch, std::span<const T> tx,
                        PassBuffers<T>& pass, PassBuffers<T>& tangents) const;
  void backward_tangents(const PassContext& context, std::int64_t batch, std::span<const T> tx,
                         std::span<const T> y, std::span<const T> dy, std::span<T> gradients,
                         PassBuffers<T>& pass, PassBuffers<T>& tangents) const;
  // Takes the batch statistics of a training pass into the running ones.
  void update_statistics(std::int64_t batch, const PassBuffers<T>& pass);

 private:
  class Forward;
  class Backward;

  std::shared_ptr<const NetworkPlan<T>> plan_;
  FlatBuffer<T> parameters_, statistics_;
};

}  // namespace miniray
