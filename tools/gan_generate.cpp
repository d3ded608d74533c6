// gan_generate: makes pictures with a trained generator. See --help.
#include <unistd.h>

#include <iostream>

#include "gan/generation_run.h"
#include "tools/generate_options.h"
#include "tools/program.h"
#include "tools/progress.h"

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_generate", [&] {
    const GenerateConfig config = parse_generate_options(argc, argv);
    const bool terminal = terminal_width(STDERR_FILENO) > 0;
    const GenerationResult result = run_generation(config, [&](std::int64_t done) {
      if (terminal) std::cerr << '\r' << done << " pictures" << std::flush;
    });
    if (terminal) std::cerr << "\r\033[K";
    std::cout << result.images << (result.images == 1 ? " picture in " : " pictures in ");
    for (std::size_t i = 0; i < result.written.size(); ++i) {
      std::cout << (i > 0 ? " and " : "") << result.written[i].string();
    }
    std::cout << '\n';
    return kSuccess;
  });
}
