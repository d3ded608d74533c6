// The command line of gan_features.
#pragma once

#include "gan/config.h"

namespace miniray {

// Throws ExitRequest (tools/program.h).
FeaturesConfig parse_features_options(int argc, char** argv);

}  // namespace miniray
