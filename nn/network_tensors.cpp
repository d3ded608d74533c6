#include "nn/network_tensors.h"

#include <algorithm>
#include <utility>
#include <vector>

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
  std::vector<float> rows;
  for (const Slice& slice : table.slices()) {
    rows.resize(static_cast<std::size_t>(slice.size()));
    file.copy_tensor(slice.name, slice.shape, std::span<float>(rows));
    write_slice<float>(rows, slice, buffer);
  }
}

// Adds views of `rows`, which gets the numbers of `buffer` row-major.
void add_tensors(const SliceTable& table, std::span<const float> buffer, std::span<float> rows,
                 std::vector<NamedTensor>& tensors) {
  for (const Slice& slice : table.slices()) {
    const std::span<float> values = slice_of(rows, slice);
    read_slice(buffer, slice, values);
    tensors.push_back({slice.name, slice.shape, std::span<const float>(values)});
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

void save_tensors(const std::filesystem::path& path, const Network<float>& network,
                  Metadata metadata) {
  const NetworkPlan<float>& plan = network.plan();
  FlatBuffer<float> parameters(plan.parameters().buffer_size());
  FlatBuffer<float> statistics(plan.statistics().buffer_size());
  std::vector<NamedTensor> tensors;
  add_tensors(plan.parameters(), network.parameters(), parameters.span(), tensors);
  add_tensors(plan.statistics(), network.statistics(), statistics.span(), tensors);
  write_safetensors(path, tensors, std::move(metadata));
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
