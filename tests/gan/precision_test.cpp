// Training whose activations, gradients between stages and moments are stored as bfloat16.
#include <gtest/gtest.h>

#include <cmath>

#include "gan/state_file.h"
#include "gan/train_step.h"
#include "support/random_values.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"
#include "support/torch_values.h"

namespace miniray {
namespace {

constexpr std::int64_t kBatch = 6;

std::vector<GanSpec> specs() {
  GanSpec conditional = make_spec("sngan", 8, {3, 32, 32}, 0.03);
  conditional.classes = {"a", "b", "c"};
  GanSpec with_stddev = make_spec("dcgan", 8, {1, 16, 16}, 0.05);
  with_stddev.minibatch_stddev = true;
  return {testing::small_spec(),
          make_spec("dcgan", 8, {3, 32, 32}, 0.05),
          with_stddev,
          make_spec("dcgan", 8, {1, 16, 16}, 0.05, "none"),
          make_spec("sngan", 8, {3, 32, 32}, 0.03),
          conditional};
}

GanState state_of(const GanSpec& spec, Precision precision = Precision::kBfloat16) {
  return GanState(spec, AdamOptions{.lr = 0.01}, 5, precision);
}

void take_step(const ThreadBudget& threads, std::int64_t step, GanState& state,
               StepBuffers& buffers, const StepOptions& options = {}) {
  std::ranges::copy(
      testing::random_values<float>(buffers.real(kBatch).size(), static_cast<unsigned>(step)),
      buffers.real(kBatch).begin());
  const StepKey key{5, 0, step, {0, kBatch}};
  draw_latents(key, state.spec.latent_dim, buffers.latents(kBatch));
  if (state.spec.conditional()) {
    draw_labels(key, state.spec.class_count(), buffers.real_labels(kBatch));
    draw_labels(key, state.spec.class_count(), buffers.fake_labels(kBatch));
  }
  train_step(threads, key, kBatch, state, buffers, options);
}

// All numbers that training goes on from.
std::vector<float> numbers_of(GanState& state) {
  StateFields fields;
  state.declare(fields);
  std::vector<float> all;
  for (const auto& array : fields.arrays) {
    std::vector<float> numbers(static_cast<std::size_t>(array.values.size()));
    load_numbers<float>(array.values, numbers);
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  return all;
}

std::vector<float> after_three_steps(const GanSpec& spec, int thread_count, bool fused) {
  const ThreadBudget threads(thread_count);
  GanState state = state_of(spec);
  StepBuffers buffers(state, kBatch);
  for (std::int64_t step = 1; step <= 3; ++step) {
    take_step(threads, step, state, buffers, {.gradient_norms = !fused});
  }
  return numbers_of(state);
}

TEST(Bfloat16Training, HasTheSameBitsForAnyNumberOfThreads) {
  for (const GanSpec& spec : specs()) {
    const auto expected = after_three_steps(spec, 1, true);
    for (const int threads : {2, 3}) {
      EXPECT_EQ(after_three_steps(spec, threads, true), expected) << spec.architecture;
    }
  }
}

TEST(Bfloat16Training, HasTheSameBitsWhereverTheOptimizerTakesItsGradients) {
  for (const GanSpec& spec : specs()) {
    EXPECT_EQ(after_three_steps(spec, 2, true), after_three_steps(spec, 2, false))
        << spec.architecture;
  }
}

// Every number that is stored changes by 2^-9 of itself at most. What that does to the gradients
// adds up over the stages that it goes through, forward and back: random signs, so that the root of
// their number stands for it; batch norm on a few samples may make it some times larger.
TEST(Bfloat16Training, GradientsAreNearThoseOfFloat32) {
  for (const GanSpec& spec : specs()) {
    const auto gradients_of = [&](Precision precision) {
      const ThreadBudget threads(1);
      GanState state = state_of(spec, precision);
      StepBuffers buffers(state, kBatch);
      std::vector<float> first;
      const auto keep = [&](std::span<float> gradients) {
        if (first.empty()) first.assign(gradients.begin(), gradients.end());
      };
      take_step(threads, 1, state, buffers, {.hook = keep});
      return first;
    };
    const auto exact = gradients_of(Precision::kFloat32);
    const auto rounded = gradients_of(Precision::kBfloat16);
    ASSERT_EQ(exact.size(), rounded.size());
    double error = 0, size = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      error += std::pow(static_cast<double>(rounded[i]) - exact[i], 2);
      size += std::pow(static_cast<double>(exact[i]), 2);
    }
    const auto stages = static_cast<double>(state_of(spec).discriminator.plan().stages().size() +
                                            state_of(spec).generator.plan().stages().size());
    EXPECT_LT(std::sqrt(error / size), 4 * std::sqrt(2 * stages) * 0x1p-9) << spec.architecture;
    EXPECT_GT(error, 0) << spec.architecture;
  }
}

TEST(Bfloat16Training, GoesOnFromAFileWithTheSameBits) {
  const testing::TempDir dir;
  const ThreadBudget threads(1);
  for (const GanSpec& spec : specs()) {
    GanState state = state_of(spec);
    StepBuffers buffers(state, kBatch);
    take_step(threads, 1, state, buffers);
    StateFields fields;
    state.declare(fields);
    const auto path = dir.path() / "state.safetensors";
    const std::string digest = write_state(path, fields);
    GanState restored = state_of(spec);
    StateFields places;
    restored.declare(places);
    const StateFile file(path, digest);
    file.check(places);
    file.copy_to(places);
    EXPECT_EQ(numbers_of(restored), numbers_of(state));
    StepBuffers other(restored, kBatch);
    take_step(threads, 2, state, buffers);
    take_step(threads, 2, restored, other);
    EXPECT_EQ(numbers_of(restored), numbers_of(state)) << spec.architecture;
  }
}

// Penalties go through D in passes of their own, which stay exact.
TEST(Bfloat16Training, TakesGradientPenalties) {
  const GanSpec spec = make_spec("dcgan", 8, {1, 16, 16}, 0.05, "none");
  const StepOptions options{.objective = make_objective("wgan-gp", 0)};
  const auto train = [&](int thread_count) {
    const ThreadBudget threads(thread_count);
    GanState state = state_of(spec);
    StepBuffers buffers(state, kBatch, 1, options);
    for (std::int64_t step = 1; step <= 2; ++step)
      take_step(threads, step, state, buffers, options);
    return numbers_of(state);
  };
  const auto numbers = train(1);
  EXPECT_TRUE(std::ranges::all_of(numbers, [](float x) { return std::isfinite(x); }));
  EXPECT_EQ(train(2), numbers);
}

}  // namespace
}  // namespace miniray
