#include "tools/dashboard_options.h"

#include <CLI/CLI.hpp>

#include "tools/program.h"

namespace miniray {

void add_server_options(CLI::App& app, dashboard::ServerOptions& options) {
  const char* const group = "Dashboard";
  app.add_option("--port", options.port, "Port to serve on; 0: a free one")
      ->check(CLI::Range(0, 65'535))
      ->capture_default_str()
      ->group(group);
  app.add_option("--host", options.host,
                 "Address to serve on; others than this machine's own need the token of the link")
      ->capture_default_str()
      ->group(group);
}

dashboard::ServerOptions parse_dashboard_options(int argc, char** argv) {
  dashboard::ServerOptions options;
  CLI::App app("Shows training runs, past and present, in a web browser.", "gan_dashboard");
  app.footer(
      "Examples:\n"
      "  gan_dashboard                     the runs in runs/, on http://127.0.0.1:8266/\n"
      "  gan_dashboard --runs DIR --port 0 other runs, on a free port\n"
      "  gan_dashboard --host 0.0.0.0      for other machines too, by a link with a token\n"
      "It only reads: start, stop and start it again whenever you like. Ctrl-C ends it.");
  app.add_option("--runs,--runs-dir", options.runs_dir, "Folder of the runs; may come later")
      ->capture_default_str()
      ->group("Dashboard");
  add_server_options(app, options);
  parse_options(app, {argv, argv + argc}, [] {});
  return options;
}

}  // namespace miniray
