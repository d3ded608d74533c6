#include "gan/metrics/inception_graph.h"

#include <algorithm>

namespace miniray {
namespace {

using Kind = InceptionStep::Kind;

struct Kernel {
  std::int64_t height = 1, width = 1, stride = 1, padding_height = 0, padding_width = 0;
};
constexpr Kernel k1x1{};
constexpr Kernel k3x3{3, 3, 1, 1, 1};
constexpr Kernel k3x3Valid{3, 3, 1, 0, 0};
constexpr Kernel k3x3Half{3, 3, 2, 0, 0};
constexpr Kernel k5x5{5, 5, 1, 2, 2};
constexpr Kernel k1x7{1, 7, 1, 0, 3}, k7x1{7, 1, 1, 3, 0};
constexpr Kernel k1x3{1, 3, 1, 0, 1}, k3x1{3, 1, 1, 1, 0};

constexpr PoolShape kSamePool{3, 1, 1}, kHalfPool{3, 2, 0};

class Builder {
 public:
  InceptionGraph build() {
    graph_.input = add_buffer(kInceptionSide, kInceptionSide, 3);
    std::size_t x = conv(graph_.input, "Conv2d_1a_3x3", 32, k3x3Half);
    x = conv(x, "Conv2d_2a_3x3", 32, k3x3Valid);
    x = conv(x, "Conv2d_2b_3x3", 64, k3x3);
    x = half_pool(x);
    x = conv(x, "Conv2d_3b_1x1", 80, k1x1);
    x = conv(x, "Conv2d_4a_3x3", 192, k3x3Valid);
    x = half_pool(x);
    x = block_a(x, "Mixed_5b.", 32);
    x = block_a(x, "Mixed_5c.", 64);
    x = block_a(x, "Mixed_5d.", 64);
    x = block_b(x, "Mixed_6a.");
    x = block_c(x, "Mixed_6b.", 128);
    x = block_c(x, "Mixed_6c.", 160);
    x = block_c(x, "Mixed_6d.", 160);
    x = block_c(x, "Mixed_6e.", 192);
    x = block_d(x, "Mixed_7a.");
    x = block_e(x, "Mixed_7b.", Kind::kAveragePool);
    x = block_e(x, "Mixed_7c.", Kind::kMaxPool);
    graph_.features = add_buffer(1, 1, channels(x));
    pool(Kind::kAveragePool, {graph_.buffers[x].height, 1, 0}, x, graph_.features, 0);
    graph_.logits = conv(graph_.features, "fc", kInceptionClasses, k1x1);
    graph_.layers.back().shape.relu = false;
    return std::move(graph_);
  }

 private:
  std::size_t block_a(std::size_t x, const std::string& name, std::int64_t pool_features) {
    const std::size_t y = same_size(x, 64 + 64 + 96 + pool_features);
    conv_to(y, 0, x, name + "branch1x1", 64, k1x1);
    std::size_t branch = conv(x, name + "branch5x5_1", 48, k1x1);
    conv_to(y, 64, branch, name + "branch5x5_2", 64, k5x5);
    branch = conv(x, name + "branch3x3dbl_1", 64, k1x1);
    branch = conv(branch, name + "branch3x3dbl_2", 96, k3x3);
    conv_to(y, 128, branch, name + "branch3x3dbl_3", 96, k3x3);
    pooled_branch(y, 224, x, name, pool_features, Kind::kAveragePool);
    return y;
  }

  std::size_t block_b(std::size_t x, const std::string& name) {
    const std::size_t y = half_size(x, 384 + 96 + channels(x));
    conv_to(y, 0, x, name + "branch3x3", 384, k3x3Half);
    std::size_t branch = conv(x, name + "branch3x3dbl_1", 64, k1x1);
    branch = conv(branch, name + "branch3x3dbl_2", 96, k3x3);
    conv_to(y, 384, branch, name + "branch3x3dbl_3", 96, k3x3Half);
    pool(Kind::kMaxPool, kHalfPool, x, y, 480);
    return y;
  }

  std::size_t block_c(std::size_t x, const std::string& name, std::int64_t width) {
    const std::size_t y = same_size(x, 4 * 192);
    conv_to(y, 0, x, name + "branch1x1", 192, k1x1);
    std::size_t branch = conv(x, name + "branch7x7_1", width, k1x1);
    branch = conv(branch, name + "branch7x7_2", width, k1x7);
    conv_to(y, 192, branch, name + "branch7x7_3", 192, k7x1);
    branch = conv(x, name + "branch7x7dbl_1", width, k1x1);
    branch = conv(branch, name + "branch7x7dbl_2", width, k7x1);
    branch = conv(branch, name + "branch7x7dbl_3", width, k1x7);
    branch = conv(branch, name + "branch7x7dbl_4", width, k7x1);
    conv_to(y, 384, branch, name + "branch7x7dbl_5", 192, k1x7);
    pooled_branch(y, 576, x, name, 192, Kind::kAveragePool);
    return y;
  }

  std::size_t block_d(std::size_t x, const std::string& name) {
    const std::size_t y = half_size(x, 320 + 192 + channels(x));
    std::size_t branch = conv(x, name + "branch3x3_1", 192, k1x1);
    conv_to(y, 0, branch, name + "branch3x3_2", 320, k3x3Half);
    branch = conv(x, name + "branch7x7x3_1", 192, k1x1);
    branch = conv(branch, name + "branch7x7x3_2", 192, k1x7);
    branch = conv(branch, name + "branch7x7x3_3", 192, k7x1);
    conv_to(y, 320, branch, name + "branch7x7x3_4", 192, k3x3Half);
    pool(Kind::kMaxPool, kHalfPool, x, y, 512);
    return y;
  }

  std::size_t block_e(std::size_t x, const std::string& name, Kind pool_kind) {
    const std::size_t y = same_size(x, 320 + 4 * 384 + 192);
    conv_to(y, 0, x, name + "branch1x1", 320, k1x1);
    std::size_t branch = conv(x, name + "branch3x3_1", 384, k1x1);
    conv_to(y, 320, branch, name + "branch3x3_2a", 384, k1x3);
    conv_to(y, 704, branch, name + "branch3x3_2b", 384, k3x1);
    branch = conv(x, name + "branch3x3dbl_1", 448, k1x1);
    branch = conv(branch, name + "branch3x3dbl_2", 384, k3x3);
    conv_to(y, 1088, branch, name + "branch3x3dbl_3a", 384, k1x3);
    conv_to(y, 1472, branch, name + "branch3x3dbl_3b", 384, k3x1);
    pooled_branch(y, 1856, x, name, 192, pool_kind);
    return y;
  }

  void pooled_branch(std::size_t y, std::int64_t first_channel, std::size_t x,
                     const std::string& name, std::int64_t features, Kind kind) {
    const std::size_t pooled = same_size(x, channels(x));
    pool(kind, kSamePool, x, pooled, 0);
    conv_to(y, first_channel, pooled, name + "branch_pool", features, k1x1);
  }

  std::size_t half_pool(std::size_t x) {
    const std::size_t y = half_size(x, channels(x));
    pool(Kind::kMaxPool, kHalfPool, x, y, 0);
    return y;
  }

  // A convolution into a buffer of its own.
  std::size_t conv(std::size_t x, const std::string& name, std::int64_t features,
                   const Kernel& kernel) {
    const InferenceConvShape shape = shape_of(x, features, kernel);
    const InceptionBuffer& source = graph_.buffers[x];
    const std::size_t y =
        add_buffer(shape.out_height(source.height), shape.out_width(source.width), features);
    conv_to(y, 0, x, name, features, kernel);
    return y;
  }

  void conv_to(std::size_t y, std::int64_t first_channel, std::size_t x, const std::string& name,
               std::int64_t features, const Kernel& kernel) {
    InceptionBuffer& source = graph_.buffers[x];
    source.border_height = std::max(source.border_height, kernel.padding_height);
    source.border_width = std::max(source.border_width, kernel.padding_width);
    graph_.layers.push_back({name, shape_of(x, features, kernel)});
    graph_.steps.push_back({Kind::kConv, x, y, first_channel, graph_.layers.size() - 1});
  }

  void pool(Kind kind, const PoolShape& shape, std::size_t x, std::size_t y,
            std::int64_t first_channel) {
    graph_.steps.push_back({kind, x, y, first_channel, 0, shape});
  }

  InferenceConvShape shape_of(std::size_t x, std::int64_t features, const Kernel& k) const {
    return {.channels = channels(x),
            .out_channels = features,
            .kernel_height = k.height,
            .kernel_width = k.width,
            .stride = k.stride,
            .padding_height = k.padding_height,
            .padding_width = k.padding_width};
  }

  std::int64_t channels(std::size_t x) const { return graph_.buffers[x].channels; }
  std::size_t same_size(std::size_t x, std::int64_t features) {
    return add_buffer(graph_.buffers[x].height, graph_.buffers[x].width, features);
  }
  std::size_t half_size(std::size_t x, std::int64_t features) {
    return add_buffer((graph_.buffers[x].height - 1) / 2, (graph_.buffers[x].width - 1) / 2,
                      features);
  }
  std::size_t add_buffer(std::int64_t height, std::int64_t width, std::int64_t features) {
    graph_.buffers.push_back({height, width, features});
    return graph_.buffers.size() - 1;
  }

  InceptionGraph graph_;
};

// When a buffer holds something: from the step that begins it to the last one that reads it.
struct Lifetime {
  std::size_t begin, end;
};

std::vector<Lifetime> lifetimes(const InceptionGraph& graph) {
  const std::size_t never = graph.steps.size();
  std::vector<Lifetime> all(graph.buffers.size(), {never, 0});
  for (std::size_t i = 0; i < never; ++i) {
    const InceptionStep& step = graph.steps[i];
    all[step.target].begin = std::min(all[step.target].begin, i);
    all[step.source].end = i;
  }
  for (const std::size_t kept : {graph.input, graph.features, graph.logits}) {
    all[kept] = {0, never};
  }
  return all;
}

}  // namespace

InceptionGraph make_inception_graph() { return Builder().build(); }

// Largest first, each at the lowest place that is free while it is in use.
InceptionMemory plan_inception_memory(const InceptionGraph& graph) {
  const std::vector<Lifetime> used = lifetimes(graph);
  std::vector<std::size_t> order(graph.buffers.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t i) { return graph.buffers[i].elements(); });
  InceptionMemory memory{std::vector<std::int64_t>(order.size()), 0};
  std::vector<std::size_t> placed;  // by their places
  for (const std::size_t i : order) {
    std::int64_t offset = 0;
    for (const std::size_t other : placed) {
      const bool at_once = used[i].begin <= used[other].end && used[other].begin <= used[i].end;
      if (!at_once || memory.offsets[other] >= offset + graph.buffers[i].elements()) continue;
      offset = std::max(offset, memory.offsets[other] + graph.buffers[other].elements());
    }
    memory.offsets[i] = offset;
    memory.elements = std::max(memory.elements, offset + graph.buffers[i].elements());
    placed.push_back(i);
    std::ranges::stable_sort(placed, {}, [&](std::size_t j) { return memory.offsets[j]; });
  }
  return memory;
}

}  // namespace miniray
