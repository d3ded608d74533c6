// The options of gan_generate: each declared once, for the command line, its help and the config
// file.
#pragma once

#include "gan/config.h"

namespace miniray {

// Throws ExitRequest (tools/program.h).
GenerateConfig parse_generate_options(int argc, char** argv);

}  // namespace miniray
