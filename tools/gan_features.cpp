// gan_features: makes the networks whose features gan_evaluate compares. See --help.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "gan/features_run.h"
#include "gan/metrics/inception_file.h"
#include "tools/features_options.h"
#include "tools/program.h"
#include "tools/status_line.h"

namespace {

void train(const miniray::FeaturesConfig& config) {
  const auto progress = [&](const miniray::ClassifierEpoch& epoch) {
    std::printf("epoch %lld of %lld: loss %.4f, %.1f%% of the training pictures right\n",
                static_cast<long long>(epoch.epoch), static_cast<long long>(config.epochs),
                epoch.loss, 100 * epoch.train_accuracy);
    std::fflush(stdout);
  };
  miniray::StatusLine status(std::cerr, miniray::terminal_width(STDERR_FILENO));
  const auto reading = [&](std::int64_t done, std::int64_t all) {
    status.show_pictures("reading " + config.data, done, all);
    if (done == all) status.erase();
  };
  const auto result = run_feature_training(config, progress, reading);
  std::printf("%s: %.1f%% of %lld test pictures right\n", config.output.c_str(),
              100 * result.test_accuracy, static_cast<long long>(result.test_images));
}

void convert(const miniray::ConversionConfig& config) {
  const auto result = miniray::convert_inception(config.source, config.target);
  std::printf("%s: %lld tensors\n", config.target.c_str(), static_cast<long long>(result.tensors));
  if (result.known) return;
  std::fprintf(stderr,
               "warning: %s is not the known file, whose SHA-256 begins with %.*s: metrics of it "
               "will not be called fid\n",
               config.source.c_str(), static_cast<int>(miniray::kInceptionDigest.size()),
               miniray::kInceptionDigest.data());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_features", [&] {
    const FeaturesCommand command = parse_features_options(argc, argv);
    if (const auto* config = std::get_if<FeaturesConfig>(&command)) {
      train(*config);
    } else {
      convert(std::get<ConversionConfig>(command));
    }
    return kSuccess;
  });
}
