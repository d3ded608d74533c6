// The time of one training step: the median over many, beside the machine's limit measured just
// before. One line, in the manner of a peer's (see peers/compare.sh).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "bench/step_fixture.h"
#include "bench/step_products.h"
#include "bench/timing.h"
#include "engine/cpu.h"

namespace miniray::bench {
namespace {

constexpr int kWarmUp = 5;

std::vector<double> time_steps(StepFixture& fixture, int steps) {
  for (int i = 0; i < kWarmUp; ++i) fixture.step();
  std::vector<double> times_ms;
  for (int i = 0; i < steps; ++i) times_ms.push_back(time_ms([&] { fixture.step(); }));
  std::ranges::sort(times_ms);
  return times_ms;
}

}  // namespace
}  // namespace miniray::bench

int main(int argc, char** argv) {
  using namespace miniray;
  int threads = 1, steps = 40;
  std::int64_t batch = 128;
  double width = 1;
  std::string model = "mlp";
  auto products = ProductKernels::kAutomatic;
  const std::map<std::string, ProductKernels> kinds{{"auto", ProductKernels::kAutomatic},
                                                    {"own", ProductKernels::kOwn},
                                                    {"openblas", ProductKernels::kBlas}};
  auto precision = Precision::kFloat32;
  const std::map<std::string, Precision> precisions{{"float32", Precision::kFloat32},
                                                    {"bf16", Precision::kBfloat16}};
  CLI::App app("Times the training step of a GAN on 32x32 pictures.", "step_time");
  app.add_option("--threads", threads, "Compute threads")->capture_default_str();
  app.add_option("--batch-size", batch, "Pictures a step")->capture_default_str();
  app.add_option("--model", model, "mlp (the reference's), dcgan or sngan")
      ->capture_default_str()
      ->check(CLI::IsMember({"mlp", "dcgan", "sngan"}));
  app.add_option("--width", width, "Factor of the hidden layers' widths")->capture_default_str();
  app.add_option("--products", products, "Whose kernels multiply: auto, own or openblas")
      ->transform(CLI::CheckedTransformer(kinds));
  app.add_option("--precision", precision, "As what is stored what need not be exact")
      ->transform(CLI::CheckedTransformer(precisions));
  app.add_option("--steps", steps, "Timed steps")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  const GanSpec spec = make_spec(model, 100, {3, 32, 32}, width);
  bench::StepFixture fixture(spec, threads, batch, products, precision);
  const double peak = bench::measure_fma_peak(fixture.threads());
  const std::vector<double> times_ms = bench::time_steps(fixture, steps);
  const double median_ms = times_ms[times_ms.size() / 2];
  const double limit_ms = bench::step_flop(spec, batch) / peak * 1e3;
  std::printf(
      "miniray %s %s thr=%d B=%lld width=%g | median %.2f ms/step (p10 %.2f p90 %.2f) | %.0f img/s "
      "| "
      "FMA peak %.1f GFLOP/s, limit %.1f ms, %.2fx of it | peak memory %.0f MB\n",
      model.c_str(), precision == Precision::kBfloat16 ? "bf16" : "float32", threads,
      static_cast<long long>(batch), width, median_ms, times_ms[times_ms.size() / 10],
      times_ms[times_ms.size() * 9 / 10], static_cast<double>(batch) / median_ms * 1e3, peak * 1e-9,
      limit_ms, median_ms / limit_ms, static_cast<double>(peak_resident_bytes()) / (1 << 20));
  return 0;
}
