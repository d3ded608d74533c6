// The command line of gan_features.
#pragma once

#include <variant>

#include "gan/config.h"

namespace miniray {

using FeaturesCommand = std::variant<FeaturesConfig, ConversionConfig>;

// Throws ExitRequest (tools/program.h).
FeaturesCommand parse_features_options(int argc, char** argv);

}  // namespace miniray
