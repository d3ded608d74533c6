#include "nn/network_tensors.h"

#include <algorithm>

#include "engine/error.h"

namespace miniray {
namespace {

void check_tensors(const SafetensorsFile& file, const NetworkPlan<float>& plan) {
  std::size_t expected = 0;
  for (const SliceTable* table : {&plan.parameters(), &plan.statistics()}) {
    for (const Slice& slice : table->slices()) file.check_tensor(slice.name, slice.shape);
    expected += table->slices().size();
  }
  if (const std::size_t found = file.tensor_names().size(); found != expected) {
    throw corrupt("'" + file.name() + "' holds " + std::to_string(found) +
                  " tensors; the network that it names has " + std::to_string(expected));
  }
}

void load_table(const SafetensorsFile& file, const SliceTable& table, std::span<float> buffer) {
  for (const Slice& slice : table.slices()) {
    file.copy_tensor(slice.name, slice.shape, slice_of(buffer, slice));
  }
}

// A variance below zero would make every picture of it not a number.
void check_variances(const SafetensorsFile& file, const Network<float>& network) {
  for (const Slice& slice : network.plan().statistics().slices()) {
    if (!slice.name.ends_with("running_var")) continue;
    const auto values = slice_of(network.statistics(), slice);
    if (std::ranges::any_of(values, [](float value) { return value < 0; })) {
      throw corrupt("'" + file.name() + "' holds a negative variance in '" + slice.name + "'");
    }
  }
}

}  // namespace

std::vector<NamedTensor> tensors_of(const Network<float>& network) {
  std::vector<NamedTensor> tensors;
  const auto add = [&](const SliceTable& table, std::span<const float> buffer) {
    for (const Slice& slice : table.slices()) {
      tensors.push_back({slice.name, slice.shape, slice_of(buffer, slice)});
    }
  };
  add(network.plan().parameters(), network.parameters());
  add(network.plan().statistics(), network.statistics());
  return tensors;
}

Network<float> load_network(const SafetensorsFile& file,
                            std::shared_ptr<const NetworkPlan<float>> plan) {
  check_tensors(file, *plan);
  Network<float> network(std::move(plan));
  load_table(file, network.plan().parameters(), network.parameters());
  load_table(file, network.plan().statistics(), network.statistics());
  check_variances(file, network);
  return network;
}

}  // namespace miniray
