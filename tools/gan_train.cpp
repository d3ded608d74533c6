// gan_train: trains a GAN. See --help.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>

#include "engine/error.h"
#include "gan/training_run.h"
#include "tools/dashboard/server.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/stop_signal.h"
#include "tools/train_options.h"

namespace {

using miniray::dashboard::Server;
using miniray::dashboard::ServerOptions;

// Beside a training: where the port is taken, such as by another training, any other will do.
std::unique_ptr<Server> serve(ServerOptions options) {
  std::unique_ptr<Server> server;
  try {
    server = std::make_unique<Server>(options);
  } catch (const miniray::Error& error) {
    if (options.port == 0) throw;
    std::cout << "dashboard: " << error.what() << '\n';
    options.port = 0;
    server = std::make_unique<Server>(options);
  }
  std::cout << "dashboard: " << server->link() << std::endl;
  return server;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_train", [&] {
    const auto [config, config_text, dashboard] = parse_train_options(argc, argv);
    const auto processes = join_process_group(std::chrono::seconds(config.timeout));
    const bool first = processes->communicator().rank() == 0;
    const auto server = dashboard && first ? serve(*dashboard) : nullptr;
    // mpirun gives its processes a terminal, whose control characters it only passes on.
    const bool alone = processes->communicator().world_size() == 1;
    TrainProgress progress(std::cout, alone ? terminal_width(STDOUT_FILENO) : 0);
    const TrainResult result =
        run_training(config, config_text, *processes, progress, catch_stop_signals());
    return result.stopped ? kInterrupted : kSuccess;
  });
}
