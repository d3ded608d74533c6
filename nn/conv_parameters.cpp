#include "nn/conv_parameters.h"

#include <cmath>

#include "engine/error.h"
#include "engine/kernels/reduce.h"
#include "nn/channel_memory.h"

namespace miniray {
namespace {

constexpr std::int64_t kMaxExtent = 65'536;

}  // namespace

void check_conv_options(const ConvOptions& options, const std::string& kind) {
  const auto check = [&](const char* what, std::int64_t value, std::int64_t low) {
    if (value >= low && value <= kMaxExtent) return;
    throw invalid_argument("the " + std::string(what) + " of " + kind + " must be from " +
                           std::to_string(low) + " to " + std::to_string(kMaxExtent) + ", not " +
                           std::to_string(value));
  };
  check("channels", options.channels, 1);
  check("kernel", options.kernel, 1);
  check("stride", options.stride, 1);
  check("padding", options.padding, 0);
}

void check_conv_input(const Shape& input, const std::string& kind) {
  if (input.rank() == 3) return;
  throw invalid_argument(kind + " takes pictures (channels x height x width), not " +
                         input.to_string());
}

Init conv_weight_init(const ConvOptions& options, std::int64_t second, std::int64_t first) {
  const std::int64_t taps = options.kernel * options.kernel;
  if (options.glorot_gain > 0)
    return Init::glorot(options.glorot_gain, second * taps, first * taps);
  return Init::uniform(1 / std::sqrt(static_cast<double>(second * taps)));
}

Init conv_bias_init(const ConvOptions& options, std::int64_t second) {
  if (options.glorot_gain > 0) return Init::constant(0);
  return Init::uniform(1 /
                       std::sqrt(static_cast<double>(second * options.kernel * options.kernel)));
}

template <class T>
void add_conv_bias_gradient(const ThreadBudget& threads, std::int64_t batch, std::int64_t plane,
                            Pictures<const T> dy, std::span<T> db) {
  const auto channels = static_cast<std::int64_t>(db.size());
  const ChannelMemory<T> memory(threads, batch, channels, plane, 1, dy.is_rounded());
  threads.for_each_tile_in_slot(channels, [&](std::int64_t c, int slot) {
    T& sum = db[static_cast<std::size_t>(c)];
    sum += reduce<T>().block_sum(memory.block(), memory.read(dy, c, slot, 0));
  });
}

template void add_conv_bias_gradient<float>(const ThreadBudget&, std::int64_t, std::int64_t,
                                            Pictures<const float>, std::span<float>);
template void add_conv_bias_gradient<double>(const ThreadBudget&, std::int64_t, std::int64_t,
                                             Pictures<const double>, std::span<double>);

}  // namespace miniray
