// Pictures a second: the sampler alone, beside the machine's limit, and gan_generate's whole way
// from a model file to PNGs in a fresh folder. One line, as that of peers/generate_pillow.py.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "bench/machine.h"
#include "bench/step_products.h"
#include "bench/timing.h"
#include "gan/generation_run.h"
#include "gan/model_file.h"
#include "gan/sampler.h"

namespace miniray::bench {
namespace {

constexpr std::int64_t kChunk = 256;  // pictures of one call, as gan_generate makes them

// Of the generator's products for one picture.
double picture_flop(const GanSpec& spec) {
  double flop = 0;
  for (const Product& product : step_products(spec, 1)) {
    const bool forward = product.kind == ProductKind::kForward;
    if (product.part == StepPart::kGenerator && forward) flop += product.flop();
  }
  return flop;
}

double time_sampler(const ThreadBudget& threads, const Network<float>& network, const GanSpec& spec,
                    std::int64_t images) {
  Sampler sampler(threads, network, spec);
  sampler.generate(1, 0, kChunk);  // warm up
  return time_ms([&] {
    for (std::int64_t first = 0; first < images; first += kChunk) {
      sampler.generate(1, first, std::min(kChunk, images - first));
    }
  });
}

double time_run(int threads, const std::filesystem::path& model, std::int64_t images,
                const std::filesystem::path& output) {
  GenerateConfig config;
  config.model = model;
  config.num_images = images;
  config.output = output;
  config.threads = threads;
  const auto alone = make_single_communicator();
  return time_ms([&] { run_generation(config, *alone, [](std::int64_t, std::int64_t) {}); });
}

}  // namespace
}  // namespace miniray::bench

int main(int argc, char** argv) {
  using namespace miniray;
  using namespace miniray::bench;
  int threads = 1, rounds = 3;
  std::int64_t images = 10'000;
  std::filesystem::path output;
  CLI::App app("Times the making of pictures.", "generation");
  app.add_option("--threads", threads, "Compute threads")->capture_default_str();
  app.add_option("--images", images, "Pictures of a round")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--output", output, "Folder for the pictures, which stay")->required();
  app.add_option("--rounds", rounds, "Rounds, of which the medians are shown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  const GanSpec spec;
  Network<float> network(make_generator_plan(spec));
  network.init(1, kGeneratorStream);
  std::filesystem::create_directories(output);
  const auto model = output / "generator.safetensors";
  save_network(model, Role::kGenerator, spec, network);
  const ThreadBudget budget(threads);
  const double peak = measure_fma_peak(budget);
  std::vector<double> sampler_ms, run_ms;
  for (int round = 0; round < rounds; ++round) {
    sampler_ms.push_back(time_sampler(budget, network, spec, images));
    run_ms.push_back(time_run(threads, model, images, output / std::to_string(round)));
  }
  const double speed = static_cast<double>(images) / median(sampler_ms) * 1e3;  // pictures a second
  const double flop_rate = speed * picture_flop(spec);
  std::printf(
      "miniray thr=%d images=%lld | sampler %.0f images/s (%.1f GFLOP/s, %.0f%% of FMA peak %.1f) "
      "| with PNGs %.0f images/s\n",
      threads, static_cast<long long>(images), speed, flop_rate * 1e-9, 100 * flop_rate / peak,
      peak * 1e-9, static_cast<double>(images) / median(run_ms) * 1e3);
  return 0;
}
