// gan_features: makes the networks whose features gan_evaluate compares. See --help.
#include <cstdio>

#include "gan/features_run.h"
#include "tools/features_options.h"
#include "tools/program.h"

int main(int argc, char** argv) {
  using namespace miniray;
  return run_program("gan_features", [&] {
    const FeaturesConfig config = parse_features_options(argc, argv);
    const auto result = run_feature_training(config, [&](const ClassifierEpoch& epoch) {
      std::printf("epoch %lld of %lld: loss %.4f, %.1f%% of the training pictures right\n",
                  static_cast<long long>(epoch.epoch), static_cast<long long>(config.epochs),
                  epoch.loss, 100 * epoch.train_accuracy);
      std::fflush(stdout);
    });
    std::printf("%s: %.1f%% of %lld test pictures right\n", config.output.c_str(),
                100 * result.test_accuracy, static_cast<long long>(result.test_images));
    return kSuccess;
  });
}
