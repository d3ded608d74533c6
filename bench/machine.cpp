#include "bench/machine.h"

#include <algorithm>
#include <cstddef>

#include "bench/timing.h"
#include "engine/tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/machine.cpp"
#include "hwy/foreach_target.h"

#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve chains hide the latency of an FMA on every processor of today; each chain tends to 1.
// Returns the number of floating-point operations.
double run_fma_chains(std::int64_t rounds) {
  const hn::ScalableTag<float> d;
  const auto half = hn::Set(d, 0.5F);
  // Different starts: equal chains could be computed once.
  const auto start = [&](float value) HWY_ATTR { return hn::Set(d, value); };
  auto c0 = start(1), c1 = start(2), c2 = start(3), c3 = start(4), c4 = start(5), c5 = start(6),
       c6 = start(7), c7 = start(8), c8 = start(9), c9 = start(10), c10 = start(11),
       c11 = start(12);
  for (std::int64_t i = 0; i < rounds; ++i) {
    c0 = hn::MulAdd(c0, half, half);
    c1 = hn::MulAdd(c1, half, half);
    c2 = hn::MulAdd(c2, half, half);
    c3 = hn::MulAdd(c3, half, half);
    c4 = hn::MulAdd(c4, half, half);
    c5 = hn::MulAdd(c5, half, half);
    c6 = hn::MulAdd(c6, half, half);
    c7 = hn::MulAdd(c7, half, half);
    c8 = hn::MulAdd(c8, half, half);
    c9 = hn::MulAdd(c9, half, half);
    c10 = hn::MulAdd(c10, half, half);
    c11 = hn::MulAdd(c11, half, half);
  }
  const auto sum = hn::Add(
      hn::Add(hn::Add(hn::Add(c0, c1), hn::Add(c2, c3)), hn::Add(hn::Add(c4, c5), hn::Add(c6, c7))),
      hn::Add(hn::Add(c8, c9), hn::Add(c10, c11)));
  volatile float sink = hn::GetLane(sum);
  (void)sink;
  return 2.0 * 12 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

// to = from, past the caches. `bytes` is a multiple of every vector's; both are aligned.
void stream_copy(const std::byte* from, std::byte* to, std::size_t bytes) {
  const hn::ScalableTag<float> d;
  const auto* x = reinterpret_cast<const float*>(from);
  auto* y = reinterpret_cast<float*>(to);
  for (std::size_t i = 0; i < bytes / sizeof(float); i += hn::Lanes(d)) {
    hn::Stream(hn::Load(d, x + i), d, y + i);
  }
  hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray::bench {
namespace {

HWY_EXPORT(run_fma_chains);
HWY_EXPORT(stream_copy);

constexpr int kRepetitions = 7;

template <class Action>
double best_seconds(Action action) {
  double best = 1e30;
  for (int i = 0; i < kRepetitions; ++i) {
    best = std::min(best, time_ms(action) * 1e-3);
  }
  return best;
}

}  // namespace

double measure_fma_peak(const ThreadBudget& threads) {
  constexpr std::int64_t kRounds = 4'000'000;
  double operations = 0;
  const double seconds = best_seconds([&] {
    threads.for_each_tile(threads.threads(), [&](std::int64_t tile) {
      const double done = HWY_DYNAMIC_DISPATCH(run_fma_chains)(kRounds);
      if (tile == 0) operations = done;
    });
  });
  return operations * threads.threads() / seconds;
}

double measure_copy_bandwidth(const ThreadBudget& threads) {
  constexpr std::size_t kBytes = std::size_t{1} << 28;
  constexpr std::int64_t kPieces = 64;
  const AlignedBytes from(kBytes), to(kBytes);
  const std::size_t piece = kBytes / kPieces;
  const double seconds = best_seconds([&] {
    threads.for_each_tile(kPieces, [&](std::int64_t i) {
      const std::size_t at = static_cast<std::size_t>(i) * piece;
      HWY_DYNAMIC_DISPATCH(stream_copy)(from.data() + at, to.data() + at, piece);
    });
  });
  return 2.0 * kBytes / seconds;
}

}  // namespace miniray::bench
#endif
