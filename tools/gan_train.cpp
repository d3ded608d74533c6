// gan_train: trains a GAN. See --help.
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "gan/training_run.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/stop_signal.h"
#include "tools/train_options.h"

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_train", [&] {
    const auto [config, config_text] = parse_train_options(argc, argv);
    const auto processes = join_process_group(std::chrono::seconds(config.timeout));
    // mpirun gives its processes a terminal, whose control characters it only passes on.
    const bool alone = processes->communicator().world_size() == 1;
    TrainProgress progress(std::cout, alone ? terminal_width(STDOUT_FILENO) : 0);
    const TrainResult result =
        run_training(config, config_text, *processes, progress, catch_stop_signals());
    return result.stopped ? kInterrupted : kSuccess;
  });
}
