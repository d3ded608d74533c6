#include "nn/moving_average.h"

#include <algorithm>

#include "engine/kernels/elementwise.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kElementsPerTile = 65536;

void approach(const ThreadBudget& threads, float rate, std::span<const float> values,
              std::span<float> average) {
  for_each_range(threads, static_cast<std::int64_t>(values.size()), kElementsPerTile,
                 [&](std::int64_t begin, std::int64_t size) {
                   elementwise<float>().approach(rate, part(values, begin, size),
                                                 part(average, begin, size));
                 });
}

}  // namespace

void update_moving_average(const ThreadBudget& threads, double decay, const Network<float>& network,
                           Network<float>& average) {
  const auto rate = static_cast<float>(1 - decay);
  approach(threads, rate, network.parameters(), average.parameters());
  approach(threads, rate, network.statistics(), average.statistics());
}

double decay_at_step(double decay, std::int64_t step) {
  const auto t = static_cast<double>(step);
  return std::min(decay, (1 + t) / (10 + t));
}

}  // namespace miniray
