// The command line of gan_evaluate.
#pragma once

#include "gan/config.h"

namespace miniray {

// Throws ExitRequest (tools/program.h).
EvaluateConfig parse_evaluate_options(int argc, char** argv);

}  // namespace miniray
