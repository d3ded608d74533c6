#include "tools/program.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <new>

#include "engine/error.h"

namespace miniray {
namespace {

[[noreturn]] void fail_usage(const CLI::App& app, const std::string& message) {
  std::cerr << app.get_name() << ": " << message << " (" << app.get_name() << " --help)\n";
  throw ExitRequest{kUsage};
}

}  // namespace

int run_program(const std::string& name, const std::function<ExitCode()>& body) {
  // A file-size limit is then an error of the write, with a message, instead of a silent end.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return body();
  } catch (const ExitRequest& request) {
    return request.code;
  } catch (const std::bad_alloc&) {
    std::cerr << name << ": there is not enough memory\n";
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << '\n';
  }
  return kFailure;
}

void parse_options(CLI::App& app, int argc, char** argv, const std::function<void()>& check) {
  app.set_version_flag("--version", MINIRAY_VERSION);
  app.set_config("--config", "", "Read options from this TOML file, by the same names");
  app.get_formatter()->column_width(32);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    app.exit(request);
    throw ExitRequest{kSuccess};
  } catch (const CLI::ParseError& error) {
    fail_usage(app, error.what());
  }
  try {
    check();
  } catch (const Error& error) {
    fail_usage(app, error.what());
  }
}

}  // namespace miniray
