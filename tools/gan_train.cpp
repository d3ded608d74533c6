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
    TrainProgress progress(std::cout, terminal_width(STDOUT_FILENO));
    const auto processes = join_process_group(std::chrono::seconds(config.timeout));
    const TrainResult result =
        run_training(config, config_text, *processes, progress, catch_stop_signals());
    return result.stopped ? kInterrupted : kSuccess;
  });
}
