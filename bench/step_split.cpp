// What the time of a training step is spent on, as a Markdown table: the product's own step on
// layers with a clock around each (timed_layer.h), beside the same step without clocks, in turn.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "bench/step_fixture.h"
#include "bench/timed_layer.h"
#include "engine/flat_buffer.h"
#include "nn/loss.h"

namespace miniray::bench {
namespace {

constexpr int kWarmUp = 3;
constexpr StepPart kParts[] = {StepPart::kDiscriminator, StepPart::kThroughDiscriminator,
                               StepPart::kGenerator};

// One row: the times of each step by part of the step. A fourth part is the step as a whole.
struct Row {
  std::string name;
  std::vector<double> times_ms[kStepParts + 1];
};

struct LayerRow {
  Work work;
  const char* name;
};

constexpr LayerRow kLayerRows[] = {
    {Work::kLinearForward, "Linear, forward"},
    {Work::kLinearInputGradient, "Linear, input gradient"},
    {Work::kLinearWeightGradient, "Linear, weight gradient and Adam"},
    {Work::kActivation, "activations"},
    {Work::kDropout, "dropout"},
    {Work::kBatchNorm, "batch norm"},
};

// The losses of a step are taken between the layers, out of a clock's reach: here by themselves.
struct LossTimes {
  double discriminator_ms, generator_ms;
};

LossTimes time_losses(std::int64_t batch) {
  FlatBuffer<float> logits(batch), gradients(batch);
  const std::span<const float> values = logits.span();
  double sum = 0;
  LossTimes times{};
  times.discriminator_ms = time_ms([&] {
    sum += bce_with_logits(values, 1, gradients.span()) +
           bce_with_logits(values, 0, gradients.span()) + mean_probability(values) +
           mean_probability(values);
  });
  times.generator_ms = time_ms([&] { sum += bce_with_logits(values, 1, gradients.span()); });
  volatile double sink = sum;
  (void)sink;
  return times;
}

// Steps on timed layers and steps on plain ones, and what they took.
class Split {
 public:
  Split(int threads, std::int64_t batch)
      : batch_(batch),
        timed_(make_timed_gan({}, batch, clock_), threads, batch),
        plain_(GanSpec{}, threads, batch) {
    for (const LayerRow& row : kLayerRows) layers_.push_back({row.name, {}});
  }

  void run(int steps) {
    for (int i = 0; i < kWarmUp + steps; ++i) {
      const bool counts = i >= kWarmUp;
      run_timed_step(counts);
      const double plain_ms = time_ms([&] { plain_.step(); });
      if (counts) plain_ms_.push_back(plain_ms);
    }
  }

  const ThreadBudget& threads() const { return timed_.threads(); }
  void print(double peak) const;

 private:
  void run_timed_step(bool counts);
  void print_row(const Row& row, double step_ms, const std::string& of_peak) const;
  std::string of_peak(ProductKind kind, const Row& row, double peak) const;

  std::int64_t batch_;
  WorkClock clock_;
  StepFixture timed_, plain_;
  std::vector<Row> layers_;
  Row losses_{"losses", {}}, assembly_{"batch assembly", {}}, latents_{"latents", {}},
      rest_{"rest", {}};
  std::vector<double> whole_ms_, plain_ms_;
};

void Split::run_timed_step(bool counts) {
  clock_.clear();
  const double assembly_ms = time_ms([&] { timed_.assemble_batch(); });
  const double latents_ms = time_ms([&] { timed_.draw_latents(); });
  const double train_ms = time_ms([&] { timed_.train(); });
  const LossTimes losses = time_losses(batch_);
  if (!counts) return;
  double known_ms = losses.discriminator_ms + losses.generator_ms;
  losses_.times_ms[0].push_back(losses.discriminator_ms);
  losses_.times_ms[1].push_back(losses.generator_ms);
  losses_.times_ms[kStepParts].push_back(known_ms);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    double sum_ms = 0;
    for (std::size_t part = 0; part < kStepParts; ++part) {
      const double ms = clock_.ms(kParts[part], kLayerRows[i].work);
      layers_[i].times_ms[part].push_back(ms);
      sum_ms += ms;
    }
    layers_[i].times_ms[kStepParts].push_back(sum_ms);
    known_ms += sum_ms;
  }
  assembly_.times_ms[kStepParts].push_back(assembly_ms);
  latents_.times_ms[kStepParts].push_back(latents_ms);
  rest_.times_ms[kStepParts].push_back(train_ms - known_ms);
  whole_ms_.push_back(assembly_ms + latents_ms + train_ms);
}

void Split::print_row(const Row& row, double step_ms, const std::string& of_peak) const {
  std::printf("| %s |", row.name.c_str());
  for (std::size_t part = 0; part < kStepParts; ++part) {
    const auto& times_ms = row.times_ms[part];
    if (times_ms.empty() || median(times_ms) == 0) {
      std::printf(" |");
    } else {
      std::printf(" %.2f |", median(times_ms));
    }
  }
  const double ms = median(row.times_ms[kStepParts]);
  std::printf(" %.2f | %.1f%% | %s |\n", ms, 100 * ms / step_ms, of_peak.c_str());
}

std::string Split::of_peak(ProductKind kind, const Row& row, double peak) const {
  double flop = 0;
  for (const Product& product : step_products({}, batch_)) {
    if (product.kind == kind) flop += product.flop();
  }
  const double share = flop / (median(row.times_ms[kStepParts]) * 1e-3) / peak;
  return std::to_string(static_cast<int>(100 * share + 0.5)) + "%";
}

void Split::print(double peak) const {
  const double step_ms = median(whole_ms_);
  std::printf("| work, ms | %s | %s | %s | the step | of the step | of the peak |\n",
              name_of(kParts[0]).c_str(), name_of(kParts[1]).c_str(), name_of(kParts[2]).c_str());
  std::printf("|---|---|---|---|---|---|---|\n");
  const std::map<Work, ProductKind> products{
      {Work::kLinearForward, ProductKind::kForward},
      {Work::kLinearInputGradient, ProductKind::kInputGradient},
      {Work::kLinearWeightGradient, ProductKind::kWeightGradient}};
  double sum_ms = 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto product = products.find(kLayerRows[i].work);
    print_row(layers_[i], step_ms,
              product == products.end() ? "" : of_peak(product->second, layers_[i], peak));
    sum_ms += median(layers_[i].times_ms[kStepParts]);
  }
  for (const Row* row : {&losses_, &assembly_, &latents_, &rest_}) {
    print_row(*row, step_ms, "");
    sum_ms += median(row->times_ms[kStepParts]);
  }
  const double plain_ms = median(plain_ms_);
  std::printf(
      "\n%d thread%s, batch %lld: the rows' sum %.2f ms; the step with clocks %.2f ms, without "
      "%.2f ms, %.3f of it. Medians of %zu steps. The peak: %.1f GFLOP/s.\n",
      threads().threads(), threads().threads() == 1 ? "" : "s", static_cast<long long>(batch_),
      sum_ms, step_ms, plain_ms, step_ms / plain_ms, plain_ms_.size(), peak * 1e-9);
}

}  // namespace
}  // namespace miniray::bench

int main(int argc, char** argv) {
  using namespace miniray;
  int threads = 1, steps = 40;
  std::int64_t batch = 128;
  CLI::App app("Splits the time of the training step by kind of work.", "step_split");
  app.add_option("--threads", threads, "Compute threads")->capture_default_str();
  app.add_option("--batch-size", batch, "Pictures a step")->capture_default_str();
  app.add_option("--steps", steps, "Timed steps")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  bench::Split split(threads, batch);
  const double peak_before = bench::measure_fma_peak(split.threads());
  split.run(steps);
  split.print(std::max(peak_before, bench::measure_fma_peak(split.threads())));
  return 0;
}
