// gan_animate: a run's samples, epoch by epoch, as an animated picture. See --help.
#include <iostream>

#include "gan/animation.h"
#include "tools/animate_options.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_animate", [&] {
    const AnimateConfig config = parse_animate_options(argc, argv);
    const std::int64_t frames = animate_run(config.run, config.output, config.frame_ms);
    std::cout << frames << (frames == 1 ? " frame in " : " frames in ") << config.output.string()
              << '\n';
    return kSuccess;
  });
}
