// Every matrix product of the training step by our kernels and by other libraries, as a Markdown
// table. The libraries take turns at each product, round after round; figures are medians.
//
// A turn repeats its product, so the caches hold what fits, for all libraries alike.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "bench/product_libraries.h"
#include "bench/timing.h"
#include "engine/error.h"
#include "engine/flat_buffer.h"
#include "engine/rng.h"

namespace miniray::bench {
namespace {

constexpr double kTurnFlop = 5e8;  // at least, in a turn: some milliseconds

FlatBuffer<float> random_numbers(std::int64_t size, std::uint8_t variant) {
  FlatBuffer<float> numbers(size);
  fill_uniform({.seed = 1, .variant = variant}, -1.0F, 1.0F, numbers.span());
  return numbers;
}

// One product with its operands, and the times that each library took.
class Contest {
 public:
  Contest(const Product& product, const std::vector<ProductLibrary>& libraries)
      : product_(product),
        weights_(weights_of(product)),
        libraries_(libraries),
        a_(random_numbers(product.shape.m * product.shape.k, 0)),
        b_(random_numbers(product.shape.k * product.shape.n, 1)),
        stored_b_(b_),
        c_(product.shape.m * product.shape.n),
        runs_(libraries.size()),
        times_ms_(libraries.size()) {
    if (product.kind != ProductKind::kWeightGradient && weights_.layout == Layout::kBlocks) {
      rows_to_blocks<float>(weights_.rows, weights_.columns, b_.span(), stored_b_.span());
    }
    for (std::size_t i = 0; i < libraries.size(); ++i) {
      if (libraries[i].bind) {
        const auto b = libraries[i].weights_of_step ? stored_b_.span() : b_.span();
        runs_[i] = libraries[i].bind(product, {a_.span(), b, c_.span()});
      }
    }
  }

  // A mistake in a library's arguments would be a wrong figure. Throws where results differ by more
  // than rounding can explain.
  void check_agreement() {
    const FlatBuffer<float> expected = result_of(0);
    for (std::size_t i = 1; i < runs_.size(); ++i) {
      if (!runs_[i]) continue;
      const FlatBuffer<float> result = result_of(i);
      const double tolerance = 1e-4 * std::sqrt(static_cast<double>(product_.shape.k));
      for (std::size_t j = 0; j < expected.span().size(); ++j) {
        if (!(std::abs(result.span()[j] - expected.span()[j]) <= tolerance)) {
          throw invalid_argument(libraries_[i].name + " computes another product");
        }
      }
    }
  }

  // In another order each time: who follows whom makes up to 5%, in clock and caches.
  void run_round(std::mt19937& random) {
    const int repetitions = std::max(1, static_cast<int>(std::ceil(kTurnFlop / product_.flop())));
    std::vector<std::size_t> order(runs_.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::shuffle(order, random);
    for (const std::size_t i : order) {
      if (!runs_[i]) continue;
      const auto turn = [&] {
        for (int r = 0; r < repetitions; ++r) runs_[i]();
      };
      turn();  // wakes threads, fills caches
      times_ms_[i].push_back(time_ms(turn) / repetitions);
      libraries_[i].end_turn();
    }
  }

  const Product& product() const { return product_; }
  // None where the library does not take part.
  std::optional<double> median_ms(std::size_t library) const {
    if (times_ms_[library].empty()) return std::nullopt;
    return median(times_ms_[library]);
  }

 private:
  FlatBuffer<float> result_of(std::size_t library) {
    std::ranges::fill(c_.span(), 0.0F);
    runs_[library]();
    libraries_[library].end_turn();
    FlatBuffer<float> result = c_;
    if (product_.kind == ProductKind::kWeightGradient && libraries_[library].weights_of_step &&
        weights_.layout == Layout::kBlocks) {
      blocks_to_rows<float>(weights_.rows, weights_.columns, c_.span(), result.span());
    }
    return result;
  }

  Product product_;
  WeightMatrix weights_;
  const std::vector<ProductLibrary>& libraries_;
  FlatBuffer<float> a_, b_;
  FlatBuffer<float> stored_b_;  // as the step keeps it
  FlatBuffer<float> c_;
  std::vector<std::function<void()>> runs_;
  std::vector<std::vector<double>> times_ms_;
};

using Times = std::vector<std::optional<double>>;  // of each library, in ms

void print_heading(const std::vector<ProductLibrary>& libraries) {
  std::printf("| part | product | m | n | k |");
  for (const auto& library : libraries) std::printf(" %s |", library.name.c_str());
  std::printf(" ours, of the peak | ours / best other |\n|---|---|---|---|---|");
  for (std::size_t i = 0; i < libraries.size() + 2; ++i) std::printf("---|");
  std::printf("\n");
}

std::string text(const char* format, double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

// The cells behind the product's description: figure(ms) of each library, our share of the peak,
// and how many times as fast as the fastest other we are.
template <class Figure>
void print_cells(const Times& times_ms, double flop, double peak, Figure figure) {
  double best_other_ms = INFINITY;
  for (std::size_t i = 0; i < times_ms.size(); ++i) {
    std::printf(" %s |", times_ms[i] ? figure(*times_ms[i]).c_str() : "-");
    if (i > 0 && times_ms[i]) best_other_ms = std::min(best_other_ms, *times_ms[i]);
  }
  const double own_ms = *times_ms[0];
  std::printf(" %.0f%% | %.2f |\n", 100 * flop / (own_ms * 1e-3) / peak, best_other_ms / own_ms);
}

Times median_times(const Contest& contest, std::size_t libraries) {
  Times times;
  for (std::size_t i = 0; i < libraries; ++i) times.push_back(contest.median_ms(i));
  return times;
}

void print_table(const std::vector<Contest>& contests, const std::vector<ProductLibrary>& libraries,
                 double peak) {
  print_heading(libraries);
  Times sums_ms(libraries.size(), 0.0);
  double sum_flop = 0;
  for (const Contest& contest : contests) {
    const Product& product = contest.product();
    const Times times_ms = median_times(contest, libraries.size());
    std::printf("| %s | %s | %lld | %lld | %lld |", name_of(product.part).c_str(),
                name_of(product.kind).c_str(), static_cast<long long>(product.shape.m),
                static_cast<long long>(product.shape.n), static_cast<long long>(product.shape.k));
    print_cells(times_ms, product.flop(), peak,
                [&](double ms) { return text("%.1f", product.flop() / ms * 1e-6); });
    sum_flop += product.flop();
    for (std::size_t i = 0; i < libraries.size(); ++i) {
      sums_ms[i] = times_ms[i] ? std::optional(*sums_ms[i] + *times_ms[i]) : std::nullopt;
    }
  }
  std::printf("| the step | all, in ms | | | |");
  print_cells(sums_ms, sum_flop, peak, [](double ms) { return text("%.1f ms", ms); });
  std::printf("| the step | all, of the peak | | | |");
  print_cells(sums_ms, sum_flop, peak,
              [&](double ms) { return text("%.0f%%", 100 * sum_flop / (ms * 1e-3) / peak); });
}

}  // namespace
}  // namespace miniray::bench

int main(int argc, char** argv) {
  using namespace miniray;
  using namespace miniray::bench;
  int threads = 1, rounds = 15;
  std::int64_t batch = 128;
  CLI::App app("Times each matrix product of the training step by several libraries.", "products");
  app.add_option("--threads", threads, "Threads")->capture_default_str();
  app.add_option("--rounds", rounds, "Turns of each library at each product")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--batch", batch, "Pictures a step")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const ThreadBudget own(threads, ProductKernels::kOwn), blas(threads, ProductKernels::kBlas);
  const std::vector<ProductLibrary> libraries{own_products(own), openblas_products(blas),
                                              onednn_products(threads), eigen_products(threads)};
  std::vector<Contest> contests;
  for (const Product& product : step_products({}, batch)) {
    contests.emplace_back(product, libraries).check_agreement();
  }
  const double peak_before = measure_fma_peak(own);
  std::mt19937 random;  // the same orders in every run
  for (int round = 0; round < rounds; ++round) {
    for (Contest& contest : contests) contest.run_round(random);
  }
  const double peak = std::max(peak_before, measure_fma_peak(own));
  print_table(contests, libraries, peak);
  std::printf("\nGFLOP/s with %d thread%s, batch %lld; the peak: %.1f.\n", threads,
              threads == 1 ? "" : "s", static_cast<long long>(batch), peak * 1e-9);
  return 0;
}
