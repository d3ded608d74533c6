// Micro-benchmarks of the kernels at the shapes that training has, and of the whole step.
//
// Each prints GFLOP/s or GB/s and, as `of_peak`, its share of the peak of fused multiply-adds or of
// the copy bandwidth that this program measures first, with the same number of threads.
#include <benchmark/benchmark.h>

#include <map>
#include <vector>

#include "bench/machine.h"
#include "bench/step_fixture.h"
#include "engine/kernels/adam.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/gemm.h"
#include "engine/kernels/random_mask.h"
#include "engine/kernels/norm.h"

namespace miniray::bench {
namespace {

double fma_peak(int threads) {
  static std::map<int, double> measured;
  if (!measured.contains(threads)) measured[threads] = measure_fma_peak(ThreadBudget(threads));
  return measured[threads];
}

double copy_bandwidth(int threads) {
  static std::map<int, double> measured;
  if (!measured.contains(threads)) {
    measured[threads] = measure_copy_bandwidth(ThreadBudget(threads));
  }
  return measured[threads];
}

void report_flop(benchmark::State& state, double flop, int threads) {
  using benchmark::Counter;
  const double total = flop * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = Counter(total * 1e-9, Counter::kIsRate);
  state.counters["of_peak"] = Counter(total / fma_peak(threads), Counter::kIsRate);
}

void report_bytes(benchmark::State& state, double bytes, int threads) {
  using benchmark::Counter;
  const double total = bytes * static_cast<double>(state.iterations());
  state.counters["GB/s"] = Counter(total * 1e-9, Counter::kIsRate);
  state.counters["of_peak"] = Counter(total / copy_bandwidth(threads), Counter::kIsRate);
}

std::vector<float> ones(std::int64_t count) {
  return std::vector<float>(static_cast<std::size_t>(count), 1.0F);
}

enum class Product { kForward, kInputGradient, kWeightGradient };

// Arguments: batch, in, out, threads.
void dense_product(benchmark::State& state, Product product) {
  const std::int64_t batch = state.range(0), in = state.range(1), out = state.range(2);
  const ThreadBudget threads(static_cast<int>(state.range(3)));
  auto x = ones(batch * in), y = ones(batch * out), w = ones(in * out), bias = ones(out);
  for (auto _ : state) {
    switch (product) {
      case Product::kForward:
        gemm_nt<float>(threads, {batch, out, in}, x, w, bias, y);
        break;
      case Product::kInputGradient:
        gemm_nn<float>(threads, {batch, in, out}, y, w, x);
        break;
      case Product::kWeightGradient:
        gemm_tn_add<float>(threads, {out, in, batch}, y, x, w);
        break;
    }
    benchmark::ClobberMemory();
  }
  report_flop(state, 2.0 * static_cast<double>(batch * in * out), threads.threads());
}

void training_shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"batch", "in", "out", "threads"})->UseRealTime();
  const std::int64_t discriminator[][2] = {{3072, 1024}, {1024, 512}, {512, 256}};
  const std::int64_t generator[][2] = {{100, 256}, {256, 512}, {512, 1024}, {1024, 3072}};
  for (const std::int64_t threads : {1, 2}) {
    for (const auto& [in, out] : discriminator) benchmark->Args({256, in, out, threads});
    for (const auto& [in, out] : generator) benchmark->Args({128, in, out, threads});
  }
}

BENCHMARK_CAPTURE(dense_product, forward, Product::kForward)->Apply(training_shapes);
BENCHMARK_CAPTURE(dense_product, input_gradient, Product::kInputGradient)->Apply(training_shapes);
BENCHMARK_CAPTURE(dense_product, weight_gradient, Product::kWeightGradient)->Apply(training_shapes);

void adam(benchmark::State& state) {
  constexpr std::int64_t kSize = 3'800'000, kGrain = 65'536;
  const ThreadBudget threads(static_cast<int>(state.range(0)));
  FlatBuffer<float> w(kSize), g(kSize), m(kSize), v(kSize);
  const AdamFactors<float> factors{.beta1 = 0.5F,
                                   .beta2 = 0.999F,
                                   .epsilon = 1e-8F,
                                   .rest1 = 0.5F,
                                   .rest2 = 0.001F,
                                   .step_size = 0.0002F,
                                   .inverse_root_bias2 = 1};
  for (auto _ : state) {
    for_each_range(threads, kSize, kGrain, [&](std::int64_t begin, std::int64_t size) {
      adam_update(factors, part(w.span(), begin, size), part(g.span(), begin, size),
                  part(m.span(), begin, size), part(v.span(), begin, size));
    });
  }
  report_bytes(state, 8.0 * sizeof(float) * kSize, threads.threads());  // four read, four written
}
BENCHMARK(adam)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

// One thread, 128 x 1024 values, in the caches.
constexpr std::int64_t kRows = 128, kColumns = 1024;
constexpr double kBlockBytes = sizeof(float) * kRows * kColumns;

template <class Kernel>
void block_kernel(benchmark::State& state, Kernel kernel, double bytes) {
  const auto x = ones(kRows * kColumns);
  auto y = ones(kRows * kColumns);
  for (auto _ : state) {
    kernel(std::span<const float>(x), std::span<float>(y));
    benchmark::ClobberMemory();
  }
  report_bytes(state, bytes, 1);
}

void leaky_relu(benchmark::State& state) {
  block_kernel(
      state, [](auto x, auto y) { elementwise<float>().leaky_relu_forward(0.2F, x, y); },
      2 * kBlockBytes);
}
BENCHMARK(leaky_relu);

void tanh(benchmark::State& state) {
  block_kernel(
      state, [](auto x, auto y) { elementwise<float>().tanh_forward(x, y); }, 2 * kBlockBytes);
}
BENCHMARK(tanh);

void dropout(benchmark::State& state) {
  std::vector<std::uint8_t> mask(kRows * kColumns / 8);
  std::uint32_t step = 0;
  block_kernel(
      state,
      [&](auto x, auto y) {
        fill_mask({.purpose = RandomPurpose::kDropout, .step = ++step}, 0.7, 0, mask);
        elementwise<float>().masked_scale(1 / 0.7F, x, mask, y);
      },
      2 * kBlockBytes);
}
BENCHMARK(dropout);

void batch_norm(benchmark::State& state) {
  auto mean = ones(kColumns), variance = mean, inverse = mean;
  const auto weight = ones(kColumns), bias = weight;
  const Block block{kRows, kColumns, kColumns};
  block_kernel(
      state,
      [&](auto x, auto y) {
        column_statistics(block, x.data(), 1e-5F, mean.data(), variance.data(), inverse.data());
        norm<float>().normalise(block, x.data(), mean.data(), inverse.data(), weight.data(),
                                bias.data(), y.data());
      },
      4 * kBlockBytes);
}
BENCHMARK(batch_norm);

// The whole step of the reference's GAN. Arguments: batch, threads.
void step(benchmark::State& state) {
  const GanSpec spec;
  StepFixture fixture(spec, static_cast<int>(state.range(1)), state.range(0));
  fixture.step();
  for (auto _ : state) fixture.step();
  report_flop(state, step_flop(spec, state.range(0)), fixture.threads().threads());
}
BENCHMARK(step)
    ->ArgNames({"batch", "threads"})
    ->Args({128, 1})
    ->Args({128, 2})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(3);

}  // namespace
}  // namespace miniray::bench

BENCHMARK_MAIN();
