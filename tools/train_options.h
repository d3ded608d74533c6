// The options of gan_train: each declared once, for the command line, its help and the config file.
#pragma once

#include <optional>
#include <string>

#include "gan/config.h"
#include "tools/dashboard/server.h"

namespace miniray {

struct TrainOptionsParsed {
  TrainConfig config;
  std::string config_text;  // all options as --config reads them
  // Where the run is shown while it trains; none: nowhere.
  std::optional<dashboard::ServerOptions> dashboard;
};

// Throws ExitRequest (tools/program.h).
TrainOptionsParsed parse_train_options(int argc, char** argv);

}  // namespace miniray
