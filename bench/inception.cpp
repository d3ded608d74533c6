// Pictures a second through the FID's Inception-v3, beside the machine's limit: weights of a file
// of 'gan_features convert', pictures of noise. One line, as that of peers/inception_torch.py.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

#include "bench/machine.h"
#include "bench/timing.h"
#include "gan/metrics/inception_features.h"

namespace miniray::bench {
namespace {

// Of the convolutions for one picture.
double picture_flop(const InceptionGraph& graph) {
  double flop = 0;
  for (const InceptionStep& step : graph.steps) {
    if (step.kind != InceptionStep::Kind::kConv) continue;
    const InceptionBuffer& y = graph.buffers[step.target];
    const InferenceConvShape& shape = graph.layers[step.layer].shape;
    flop += 2.0 * static_cast<double>(y.height * y.width * shape.weights());
  }
  return flop;
}

Images noise(std::int64_t count, std::int64_t side) {
  Images images{count, side, side, 3, {}};
  images.pixels.resize(static_cast<std::size_t>(count * images.image_bytes()));
  std::mt19937 random(1);
  for (std::uint8_t& byte : images.pixels) byte = static_cast<std::uint8_t>(random());
  return images;
}

}  // namespace
}  // namespace miniray::bench

int main(int argc, char** argv) {
  using namespace miniray;
  using namespace miniray::bench;
  int threads = 1, rounds = 3;
  std::int64_t count = 256;
  std::string file;
  CLI::App app("Times Inception's features.", "inception");
  app.add_option("--network", file, "A file of 'gan_features convert'")->required();
  app.add_option("--threads", threads, "Compute threads")->capture_default_str();
  app.add_option("--images", count, "Pictures of a round")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--rounds", rounds, "Rounds, of which the median is shown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  const ThreadBudget budget(threads);
  const InceptionFeatures network(SafetensorsFile::read(file));
  const auto pass = network.make_pass(budget);
  const Images images = noise(count, 32), first = noise(16, 32);
  std::vector<float> features(
      static_cast<std::size_t>(std::max<std::int64_t>(count, 16) * network.features()));
  std::vector<float> logits(
      static_cast<std::size_t>(std::max<std::int64_t>(count, 16) * network.classes()));
  pass->run(first, features, logits);  // warm up
  const double peak = measure_fma_peak(budget);
  std::vector<double> times_ms;
  for (int round = 0; round < rounds; ++round) {
    times_ms.push_back(time_ms([&] { pass->run(images, features, logits); }));
  }
  const double speed = static_cast<double>(count) / median(times_ms) * 1e3;
  const double flop_rate = speed * picture_flop(make_inception_graph());
  std::printf(
      "miniray thr=%d images=%lld | %.1f images/s (%.1f GFLOP/s, %.0f%% of FMA peak %.1f)\n",
      threads, static_cast<long long>(count), speed, flop_rate * 1e-9, 100 * flop_rate / peak,
      peak * 1e-9);
  return 0;
}
