// The options of gan_animate: each declared once, for the command line, its help and the config
// file.
#pragma once

#include "gan/config.h"

namespace miniray {

// Throws ExitRequest (tools/program.h).
AnimateConfig parse_animate_options(int argc, char** argv);

}  // namespace miniray
