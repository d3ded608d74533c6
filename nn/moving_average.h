// The exponential moving average of a network's weights over training steps, which makes better
// pictures than the weights of any one step (Yazici et al., arXiv 1806.04498).
#pragma once

#include <cstdint>

#include "engine/parallel.h"
#include "nn/network.h"

namespace miniray {

// average += (1 - decay) (network - average): parameters and running statistics. Both have one
// plan.
void update_moving_average(const ThreadBudget& threads, double decay, const Network<float>& network,
                           Network<float>& average);

// `decay`, but less in early steps, whose weights should soon be forgotten: at most
// (1 + step) / (10 + step), as TensorFlow's ExponentialMovingAverage has it. step counts from 1.
double decay_at_step(double decay, std::int64_t step);

}  // namespace miniray
