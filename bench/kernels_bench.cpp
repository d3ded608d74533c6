// Micro-benchmarks of the kernels at the shapes that training has, and of the whole step.
//
// Each prints its share of what the peak of fused multiply-adds or the copy bandwidth allow, both
// measured by this program with the same number of threads: `of_roof` of whichever binds, `of_peak`
// of the one whose unit is printed beside it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <vector>

#include "bench/machine.h"
#include "bench/step_fixture.h"
#include "bench/step_products.h"
#include "engine/kernels/adam.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/gemm.h"
#include "engine/kernels/norm.h"
#include "engine/kernels/random_mask.h"

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

// Work whose limit is min(peak, flop / bytes x bandwidth): Williams, Waterman and Patterson,
// "Roofline" (Communications of the ACM 52, 2009). Bytes are counted as the copy's: those read and
// those written, once each, as if nothing stayed in the caches.
void report_roofline(benchmark::State& state, double flop, double bytes, int threads) {
  using benchmark::Counter;
  const double runs = static_cast<double>(state.iterations());
  const double roof = std::min(fma_peak(threads), flop / bytes * copy_bandwidth(threads));
  state.counters["flop/byte"] = flop / bytes;
  state.counters["GFLOP/s"] = Counter(runs * flop * 1e-9, Counter::kIsRate);
  state.counters["GB/s"] = Counter(runs * bytes * 1e-9, Counter::kIsRate);
  state.counters["roof_GFLOP/s"] = roof * 1e-9;
  state.counters["of_roof"] = Counter(runs * flop / roof, Counter::kIsRate);
}

void report_bytes(benchmark::State& state, double bytes, int threads) {
  using benchmark::Counter;
  const double total = bytes * static_cast<double>(state.iterations());
  state.counters["GB/s"] = Counter(total * 1e-9, Counter::kIsRate);
  state.counters["of_peak"] = Counter(total / copy_bandwidth(threads), Counter::kIsRate);
}

FlatBuffer<float> ones(std::int64_t count) {
  FlatBuffer<float> values(count);
  std::ranges::fill(values.span(), 1.0F);
  return values;
}

// Arguments: batch, in, out, threads.
void dense_product(benchmark::State& state, ProductKind kind) {
  const ThreadBudget threads(static_cast<int>(state.range(3)));
  const Product product{StepPart::kDiscriminator, kind,
                        dense_shape(kind, state.range(0), state.range(1), state.range(2))};
  const auto [m, n, k] = product.shape;
  const auto a = ones(m * k), b = ones(k * n);
  auto c = ones(m * n);
  for (auto _ : state) {
    multiply(threads, product, a.span(), b.span(), c.span(), weights_of(product).layout);
    benchmark::ClobberMemory();
  }
  const std::int64_t passes_over_c = kind == ProductKind::kWeightGradient ? 2 : 1;
  const auto numbers = static_cast<double>(m * k + k * n + passes_over_c * m * n);
  report_roofline(state, product.flop(), sizeof(float) * numbers, threads.threads());
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

BENCHMARK_CAPTURE(dense_product, forward, ProductKind::kForward)->Apply(training_shapes);
BENCHMARK_CAPTURE(dense_product, input_gradient, ProductKind::kInputGradient)
    ->Apply(training_shapes);
BENCHMARK_CAPTURE(dense_product, weight_gradient, ProductKind::kWeightGradient)
    ->Apply(training_shapes);

// Passes over as many numbers as the reference's G and D have parameters, far more than the caches
// hold. Argument: threads.
constexpr std::int64_t kParameters = 7'640'000;

// pass(begin, size) for pieces of the size that the optimizer takes.
template <class Pass>
void parameter_pass(benchmark::State& state, double flop, double floats_moved, Pass pass) {
  constexpr std::int64_t kGrain = 65'536;
  const ThreadBudget threads(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    for_each_range(threads, kParameters, kGrain, pass);
    benchmark::ClobberMemory();
  }
  const auto count = static_cast<double>(kParameters);
  report_roofline(state, flop * count, floats_moved * sizeof(float) * count, threads.threads());
}

void adam(benchmark::State& state) {
  auto w = ones(kParameters), g = w, m = w, v = w;
  const AdamFactors<float> factors{.beta1 = 0.5F,
                                   .beta2 = 0.999F,
                                   .epsilon = 1e-8F,
                                   .rest1 = 0.5F,
                                   .rest2 = 0.001F,
                                   .step_size = 0.0002F,
                                   .inverse_root_bias2 = 1};
  // Four numbers read, four written. The root and the division count as one each.
  parameter_pass(state, 13, 8, [&](std::int64_t begin, std::int64_t size) {
    adam_update(factors, part(AdamSpans<float>{w.span(), m.span(), v.span()}, begin, size),
                part(g.span(), begin, size));
  });
}
BENCHMARK(adam)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

// y = (y + x) / 2, as models are averaged.
void add_and_scale(benchmark::State& state) {
  const auto x = ones(kParameters);
  auto y = ones(kParameters);
  parameter_pass(state, 2, 3, [&](std::int64_t begin, std::int64_t size) {
    elementwise<float>().add_and_scale(0.5F, part(x.span(), begin, size),
                                       part(y.span(), begin, size));
  });
}
BENCHMARK(add_and_scale)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

// y += a x, as sums over ranks are taken.
void add_scaled(benchmark::State& state) {
  const auto x = ones(kParameters);
  auto y = ones(kParameters);
  parameter_pass(state, 2, 3, [&](std::int64_t begin, std::int64_t size) {
    elementwise<float>().add_scaled(1e-6F, part(x.span(), begin, size),
                                    part(y.span(), begin, size));
  });
}
BENCHMARK(add_scaled)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

// y += a (x - y), as the average of G over its steps is kept.
void approach(benchmark::State& state) {
  const auto x = ones(kParameters);
  auto y = ones(kParameters);
  parameter_pass(state, 3, 3, [&](std::int64_t begin, std::int64_t size) {
    elementwise<float>().approach(1e-3F, part(x.span(), begin, size), part(y.span(), begin, size));
  });
}
BENCHMARK(approach)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

// One thread, 128 x 1024 values, in the caches.
constexpr std::int64_t kRows = 128, kColumns = 1024;
constexpr double kBlockBytes = sizeof(float) * kRows * kColumns;

template <class Kernel>
void block_kernel(benchmark::State& state, Kernel kernel, double bytes) {
  const auto x = ones(kRows * kColumns);
  auto y = ones(kRows * kColumns);
  for (auto _ : state) {
    kernel(x.span(), y.span());
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
        column_statistics(block, x.data(), 1e-5F, mean.span().data(), variance.span().data(),
                          inverse.span().data());
        norm<float>().normalise(block, x.data(), mean.span().data(), inverse.span().data(),
                                weight.span().data(), bias.span().data(), y.data());
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
