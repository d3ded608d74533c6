// What all kinds of convolution layers do alike with their options and parameters. Included by
// their sources only.
#pragma once

#include "nn/conv.h"

namespace miniray {

// Throw invalid argument, naming what cannot be.
void check_conv_options(const ConvOptions& options, const std::string& kind);
void check_conv_input(const Shape& input, const std::string& kind);

// Of weights [first, second, kernel, kernel].
Init conv_weight_init(const ConvOptions& options, std::int64_t second, std::int64_t first);
Init conv_bias_init(const ConvOptions& options, std::int64_t second);

// db[c] += the sum of dy [batch, channels, plane] over samples and pixels.
template <class T>
void add_conv_bias_gradient(const ThreadBudget& threads, std::int64_t batch, std::int64_t plane,
                            Pictures<const T> dy, std::span<T> db);

}  // namespace miniray
