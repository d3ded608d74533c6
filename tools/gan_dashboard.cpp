// gan_dashboard: shows training runs in a web browser. See --help.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>

#include "tools/dashboard_options.h"
#include "tools/program.h"
#include "tools/stop_signal.h"

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_dashboard", [&] {
    const dashboard::ServerOptions options = parse_dashboard_options(argc, argv);
    const auto& stop = catch_stop_signals();
    const dashboard::Server server(options);
    std::cout << "runs of " << options.runs_dir.string() << " on " << server.link() << std::endl;
    if (!std::filesystem::exists(options.runs_dir)) {
      std::cout << "the folder " << options.runs_dir.string()
                << " is not there yet; its runs appear as soon as it is" << std::endl;
    }
    while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return kSuccess;
  });
}
