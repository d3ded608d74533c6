// Every convolution of a DCGAN's training step, and some others, as a Markdown table: milliseconds
// and the share of what multiply-adds on registers reach, measured again beside each. Figures are
// medians of rounds over all of them.
//
// A convolution counts 2 images y-pixels out_channels channels kernel^2 operations, padding
// included, in either direction, as is the custom.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "bench/timing.h"
#include "engine/kernels/conv.h"
#include "engine/rng.h"

namespace miniray::bench {
namespace {

struct NamedShape {
  std::string name;
  ConvShape shape;
};

std::vector<NamedShape> shapes_of(std::int64_t images) {
  return {{"4x4 /2, 3-64, 32 px", {images, 3, 32, 32, 64, 4, 2, 1}},
          {"4x4 /2, 64-128, 16 px", {images, 64, 16, 16, 128, 4, 2, 1}},
          {"4x4 /2, 128-256, 8 px", {images, 128, 8, 8, 256, 4, 2, 1}},
          {"4x4 whole, 256-100", {images, 256, 4, 4, 100, 4, 1, 0}},
          {"3x3, 64-64, 32 px", {images, 64, 32, 32, 64, 3, 1, 1}},
          {"3x3, 128-128, 16 px", {images, 128, 16, 16, 128, 3, 1, 1}},
          {"3x3, 256-256, 8 px", {images, 256, 8, 8, 256, 3, 1, 1}},
          {"1x1, 128-128, 16 px", {images, 128, 16, 16, 128, 1, 1, 0}}};
}

double flop_of(const ConvShape& s) {
  return 2.0 * static_cast<double>(s.images * s.out_height() * s.out_width()) *
         static_cast<double>(s.out_channels * s.channels * s.kernel * s.kernel);
}

std::vector<float> random_numbers(std::int64_t size, std::uint8_t variant) {
  std::vector<float> numbers(static_cast<std::size_t>(size));
  fill_uniform({.seed = 1, .variant = variant}, -1.0F, 1.0F, std::span(numbers));
  return numbers;
}

// The three products of one shape, with operands and times.
class Trial {
 public:
  Trial(const ThreadBudget& threads, const NamedShape& named)
      : name_(named.name),
        shape_(named.shape),
        x_(random_numbers(shape_.images * shape_.channels * shape_.height * shape_.width, 0)),
        w_(random_numbers(shape_.out_channels * shape_.channels * shape_.kernel * shape_.kernel,
                          1)),
        y_(random_numbers(
            shape_.images * shape_.out_channels * shape_.out_height() * shape_.out_width(), 2)),
        out_x_(x_.size()),
        out_w_(w_.size()),
        out_y_(y_.size()) {
    runs_ = {[&] { convolve<float>(threads, shape_, x_, w_, {}, out_y_); },
             [&] { convolve_adjoint<float>(threads, shape_, y_, w_, {}, out_x_); },
             [&] { convolve_weights_add<float>(threads, shape_, x_, y_, out_w_); }};
    times_ms_.resize(runs_.size());
    shares_.resize(runs_.size());
  }

  void run_round(const ThreadBudget& threads) {
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      runs_[i]();  // wakes threads
      const double peak = measure_fma_peak(threads);
      times_ms_[i].push_back(time_ms(runs_[i]));
      shares_[i].push_back(flop_of(shape_) / (times_ms_[i].back() * 1e-3 * peak));
    }
  }

  void print() const {
    std::printf("| %s | %.2f |", name_.c_str(), flop_of(shape_) * 1e-9);
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      std::printf(" %.2f (%.1f%%) |", median(times_ms_[i]), 100 * median(shares_[i]));
    }
    std::printf("\n");
  }

 private:
  std::string name_;
  ConvShape shape_;
  std::vector<float> x_, w_, y_, out_x_, out_w_, out_y_;
  std::vector<std::function<void()>> runs_;
  std::vector<std::vector<double>> times_ms_, shares_;
};

}  // namespace
}  // namespace miniray::bench

int main(int argc, char** argv) {
  using namespace miniray;
  int thread_count = 1, rounds = 7;
  std::int64_t batch = 128;
  CLI::App app("Times convolutions beside the machine's limit.", "convolutions");
  app.add_option("--threads", thread_count, "Compute threads")->capture_default_str();
  app.add_option("--batch-size", batch, "Pictures")->capture_default_str();
  app.add_option("--rounds", rounds, "Rounds; the figures are medians over them")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  const ThreadBudget threads(thread_count);
  std::vector<bench::Trial> trials;
  const auto shapes = bench::shapes_of(batch);
  trials.reserve(shapes.size());  // their runs point to them
  for (const auto& shape : shapes) trials.emplace_back(threads, shape);
  for (int round = 0; round < rounds; ++round) {
    for (auto& trial : trials) trial.run_round(threads);
  }
  std::printf(
      "%d thread(s), batch %lld, ms (share of %.1f GFLOP/s, by the multiply-adds of the plain "
      "way)\n\n",
      thread_count, static_cast<long long>(batch), bench::measure_fma_peak(threads) * 1e-9);
  std::printf("| convolution | GFLOP | forward | adjoint | weights |\n|---|---|---|---|---|\n");
  for (const auto& trial : trials) trial.print();
  return 0;
}
