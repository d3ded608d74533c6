// The options of gan_dashboard.
#pragma once

#include "tools/dashboard/server.h"

namespace CLI {
class App;
}  // namespace CLI

namespace miniray {

// Throws ExitRequest (tools/program.h).
dashboard::ServerOptions parse_dashboard_options(int argc, char** argv);

// --host and --port, as every program that serves has them.
void add_server_options(CLI::App& app, dashboard::ServerOptions& options);

}  // namespace miniray
