// gan_generate: makes pictures with a trained generator. See --help.
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "gan/generation_run.h"
#include "runtime/process_group.h"
#include "tools/generate_options.h"
#include "tools/program.h"
#include "tools/status_line.h"

namespace {

// For another process of an MPI job to show a sign of life.
constexpr std::chrono::minutes kTimeout{5};

}  // namespace

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_generate", [&] {
    const GenerateConfig config = parse_generate_options(argc, argv);
    const auto processes = join_process_group(kTimeout);
    Communicator& communicator = processes->communicator();
    const bool first = communicator.rank() == 0;
    StatusLine status(std::cerr, first ? terminal_width(STDERR_FILENO) : 0);
    const GenerationResult result = run_generation(
        config, communicator,
        [&](std::int64_t done, std::int64_t all) { status.show_pictures("making", done, all); });
    status.erase();
    if (!first) return kSuccess;
    std::cout << result.images << (result.images == 1 ? " picture in " : " pictures in ");
    for (std::size_t i = 0; i < result.written.size(); ++i) {
      std::cout << (i > 0 ? " and " : "") << result.written[i].string();
    }
    std::cout << '\n';
    return kSuccess;
  });
}
