// The options of gan_train: each declared once, for the command line, its help and the config file.
#pragma once

#include <string>

#include "gan/config.h"

namespace miniray {

struct TrainOptionsParsed {
  TrainConfig config;
  std::string config_text;  // all options as --config reads them
};

// Throws ExitRequest (tools/program.h).
TrainOptionsParsed parse_train_options(int argc, char** argv);

}  // namespace miniray
