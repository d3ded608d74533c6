// gan_evaluate: measures how close a generator's pictures come to a data set's. See --help.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>

#include "gan/evaluation_run.h"
#include "runtime/process_group.h"
#include "tools/evaluate_options.h"
#include "tools/program.h"
#include "tools/status_line.h"

namespace {

// For another process of an MPI job to show a sign of life.
constexpr std::chrono::minutes kTimeout{5};

void print(const miniray::EvaluationResult& result) {
  std::printf("%lld pictures against %s\nfeatures %s\n", static_cast<long long>(result.images),
              result.reference.c_str(), result.features.c_str());
  for (const miniray::MetricValue& metric : result.metrics) {
    std::printf("%s %.6g", metric.name.c_str(), metric.value);
    if (metric.deviation) std::printf(" +- %.3g", *metric.deviation);
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_evaluate", [&] {
    const EvaluateConfig config = parse_evaluate_options(argc, argv);
    const auto processes = join_process_group(kTimeout);
    const bool first = processes->communicator().rank() == 0;
    StatusLine status(std::cerr, first ? terminal_width(STDERR_FILENO) : 0);
    const auto result =
        run_evaluation(config, processes->communicator(),
                       [&](const std::string& source, std::int64_t done, std::int64_t all) {
                         status.show_pictures(source, done, all);
                       });
    status.erase();
    if (!result.warning.empty()) std::fprintf(stderr, "warning: %s\n", result.warning.c_str());
    if (first) print(result);
    return kSuccess;
  });
}
