#include "gan/train_step.h"

#include <gtest/gtest.h>

#include <cmath>

#include <algorithm>

#include "engine/error.h"
#include "support/random_values.h"
#include "support/simd_targets.h"
#include "support/small_gan.h"
#include "support/torch_values.h"

namespace miniray {
namespace {

using testing::numbers;

void load_network(const nlohmann::json& state, Network<float>& network) {
  testing::load_state(state, network.plan().parameters(), network.parameters());
  testing::load_state(state, network.plan().statistics(), network.statistics());
}

void expect_network(const Network<float>& network, const nlohmann::json& state) {
  testing::expect_state(network.parameters(), network.plan().parameters(), state, 1e-4);
  testing::expect_state(network.statistics(), network.plan().statistics(), state, 1e-4);
}

void expect_steps_like_torch(const std::string& name, const GanSpec& spec) {
  const auto values = testing::torch_values(name);
  ASSERT_EQ(values.at("hidden").get<std::vector<std::int64_t>>(), spec.hidden);
  const std::int64_t batch = values.at("batch");
  const ThreadBudget threads(2);
  testing::for_each_simd_target([&] {
    GanState state(spec, {.lr = values.at("lr")}, 1);
    load_network(values.at("before").at("generator"), state.generator);
    load_network(values.at("before").at("discriminator"), state.discriminator);
    StepBuffers buffers(state, batch);
    std::int64_t step = 0;
    for (const auto& expected : values.at("steps")) {
      std::ranges::copy(numbers<float>(expected.at("real")), buffers.real(batch).begin());
      std::ranges::copy(numbers<float>(expected.at("latents")), buffers.latents(batch).begin());
      if (spec.conditional()) {  // real ones, then fake ones, as they stand in the buffers
        const auto labels = numbers<std::int32_t>(expected.at("labels"));
        std::ranges::copy_n(labels.begin(), batch, buffers.real_labels(batch).begin());
        std::ranges::copy_n(labels.begin() + batch, batch, buffers.fake_labels(batch).begin());
      }
      const StepResult result =
          train_step(threads, {1, 0, ++step, {0, batch}}, batch, state, buffers);
      EXPECT_NEAR(result.d_loss, expected.at("d_loss"), 1e-4 * result.d_loss) << step;
      EXPECT_NEAR(result.g_loss, expected.at("g_loss"), 1e-4 * result.g_loss) << step;
      EXPECT_NEAR(result.d_real, expected.at("d_real"), 1e-4) << step;
      EXPECT_NEAR(result.d_fake, expected.at("d_fake"), 1e-4) << step;
    }
    expect_network(state.generator, values.at("after").at("generator"));
    expect_network(state.discriminator, values.at("after").at("discriminator"));
  });
}

TEST(TrainStep, TenStepsFollowPyTorch) {
  expect_steps_like_torch("small_gan", testing::small_spec(0));
}

GanSpec small_dcgan() {
  GanSpec spec = make_spec("dcgan", 7, {1, 16, 16});
  spec.hidden = {10, 6};
  return spec;
}

TEST(TrainStep, FiveStepsOfADcganFollowPyTorch) {
  expect_steps_like_torch("small_dcgan", small_dcgan());
}

GanSpec conditional(GanSpec spec) {
  spec.classes = {"a", "b", "c"};
  return spec;
}

GanSpec small_sngan() {
  GanSpec spec = make_spec("sngan", 6, {1, 32, 32});
  spec.hidden = {6, 5, 4, 4};
  spec.d_hidden = {5, 6, 6, 4};
  return spec;
}

TEST(TrainStep, TenStepsOfAConditionalMlpFollowPyTorch) {
  expect_steps_like_torch("small_conditional_gan", conditional(testing::small_spec(0)));
}

TEST(TrainStep, TenStepsOfAConditionalSnganFollowPyTorch) {
  expect_steps_like_torch("small_sngan", conditional(small_sngan()));
}

std::vector<float> weights_after(const GanSpec& spec, int thread_count, std::int64_t batch,
                                 std::int64_t max_batch, std::uint64_t seed = 5,
                                 const GradientHook& hook = {},
                                 ProductKernels products = ProductKernels::kAutomatic) {
  const ThreadBudget threads(thread_count, products);
  GanState state(spec, {}, seed);
  StepBuffers buffers(state, max_batch);
  for (std::int64_t step = 1; step <= 3; ++step) {
    const auto real =
        testing::random_values<float>(buffers.real(batch).size(), static_cast<unsigned>(step));
    std::ranges::copy(real, buffers.real(batch).begin());
    const StepKey key{seed, 0, step, {0, batch}};
    draw_latents(key, spec.latent_dim, buffers.latents(batch));
    if (spec.conditional()) {
      draw_labels({seed + 1, 0, step, {0, batch}}, spec.class_count(), buffers.real_labels(batch));
      draw_labels(key, spec.class_count(), buffers.fake_labels(batch));
    }
    train_step(threads, key, batch, state, buffers, {.hook = hook});
  }
  std::vector<float> weights(state.generator.parameters().begin(),
                             state.generator.parameters().end());
  for (const auto part : {state.discriminator.parameters(), state.generator.statistics(),
                          state.discriminator.statistics()}) {
    weights.insert(weights.end(), part.begin(), part.end());
  }
  return weights;
}

TEST(TrainStep, NormsOfTheGradientsThatTheHookSees) {
  const ThreadBudget threads(1);
  GanState state(testing::small_spec(), {}, 5);
  StepBuffers buffers(state, 16);
  std::ranges::copy(testing::random_values<float>(buffers.real(16).size(), 1),
                    buffers.real(16).begin());
  const StepKey key{5, 0, 1, {0, 16}};
  draw_latents(key, state.spec.latent_dim, buffers.latents(16));
  std::vector<double> norms;
  const GradientHook hook = [&](std::span<const float> gradients) {
    double squares = 0;
    for (const double value : gradients) squares += value * value;
    norms.push_back(std::sqrt(squares));
  };
  const StepResult result =
      train_step(threads, key, 16, state, buffers, {.hook = hook, .gradient_norms = true});
  ASSERT_EQ(norms.size(), 2U);
  EXPECT_GT(norms[0], 0);
  EXPECT_NEAR(result.d_gradient_norm.value(), norms[0], 1e-9 * norms[0]);
  EXPECT_NEAR(result.g_gradient_norm.value(), norms[1], 1e-9 * norms[1]);
}

// The reference's own sizes, so that every kernel is cut into tiles.
TEST(TrainStep, EqualBitsForAnyNumberOfThreads) {
  const auto one = weights_after(GanSpec{}, 1, 32, 32);
  EXPECT_EQ(one, weights_after(GanSpec{}, 2, 32, 32));
  EXPECT_EQ(one, weights_after(GanSpec{}, 5, 32, 32));
}

TEST(TrainStep, EqualBitsForAnyNumberOfThreadsOfADcgan) {
  const GanSpec spec = make_spec("dcgan", 100, {3, 32, 32});
  const auto one = weights_after(spec, 1, 24, 24);
  EXPECT_EQ(one, weights_after(spec, 2, 24, 24));
  EXPECT_EQ(one, weights_after(spec, 5, 24, 24));
}

TEST(TrainStep, EqualBitsForAnyNumberOfThreadsOfASngan) {
  for (const GanSpec& spec : {make_spec("sngan", 100, {3, 32, 32}, 0.25),
                              conditional(make_spec("sngan", 100, {3, 32, 32}, 0.1)),
                              conditional(make_spec("dcgan", 100, {3, 32, 32}, 0.2, "spectral"))}) {
    const auto one = weights_after(spec, 1, 12, 12);
    EXPECT_EQ(one, weights_after(spec, 2, 12, 12));
    EXPECT_EQ(one, weights_after(spec, 5, 12, 12));
  }
}

TEST(TrainStep, EqualBitsWhateverRoomTheBuffersHave) {
  for (const GanSpec& spec : {testing::small_spec(), small_dcgan(), conditional(small_sngan())}) {
    EXPECT_EQ(weights_after(spec, 1, 10, 10), weights_after(spec, 1, 10, 64));
  }
}

// A hook wants the gradients themselves, so they are stored; without one they are used up as they
// are made.
TEST(TrainStep, EqualBitsWhetherGradientsAreStoredOrNot) {
  const GradientHook look = [](std::span<float> gradients) { EXPECT_FALSE(gradients.empty()); };
  EXPECT_EQ(weights_after(conditional(small_sngan()), 2, 10, 10),
            weights_after(conditional(small_sngan()), 2, 10, 10, 5, look));
  for (const ProductKernels products : {ProductKernels::kOwn, ProductKernels::kBlas}) {
    testing::for_each_simd_target([&] {
      const GanSpec spec = testing::small_spec();
      EXPECT_EQ(weights_after(spec, 2, 10, 10, 5, {}, products),
                weights_after(spec, 2, 10, 10, 5, look, products));
    });
    EXPECT_EQ(weights_after(GanSpec{}, 2, 48, 48, 5, {}, products),
              weights_after(GanSpec{}, 2, 48, 48, 5, look, products));
  }
}

// An epsilon far above the gradients makes Adam's step proportional to them.
constexpr AdamOptions kPlainDescent{.lr = 1, .beta1 = 0, .beta2 = 0, .epsilon = 100};

struct Ends {
  std::vector<float> generator, discriminator;
  StepResult result;
};

Ends after_one_step(const GanSpec& spec, const AdamOptions& optimizer, std::int64_t batch,
                    std::int64_t passes, const StepOptions& options = {}, int thread_count = 1) {
  const ThreadBudget threads(thread_count);
  GanState state(spec, optimizer, 5);
  StepBuffers buffers(state, batch, passes, options);
  std::ranges::copy(testing::random_values<float>(buffers.real(batch).size(), 1),
                    buffers.real(batch).begin());
  const StepKey key{5, 0, 1, {0, batch}};
  draw_latents(key, spec.latent_dim, buffers.latents(batch));
  const StepResult result = train_step(threads, key, batch, state, buffers, options);
  return {testing::to_vector(state.generator.parameters()),
          testing::to_vector(state.discriminator.parameters()), result};
}

void expect_near(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << i;
}

// Dropout's masks go by a sample's number in the batch, so they are the same too.
void expect_passes_to_be_the_whole_batch(const StepOptions& options) {
  GanSpec spec = testing::small_spec(0.3);
  spec.batch_norm = false;
  const Ends whole = after_one_step(spec, kPlainDescent, 22, 1, options);
  for (const std::int64_t passes : {2, 3, 7}) {
    const Ends parts = after_one_step(spec, kPlainDescent, 22, passes, options);
    expect_near(whole.generator, parts.generator, 1e-7);
    expect_near(whole.discriminator, parts.discriminator, 1e-7);
    EXPECT_NEAR(whole.result.d_loss, parts.result.d_loss, 1e-6);
    EXPECT_NEAR(whole.result.g_loss, parts.result.g_loss, 1e-6);
    EXPECT_NEAR(whole.result.d_real, parts.result.d_real, 1e-6);
    EXPECT_NEAR(whole.result.d_fake, parts.result.d_fake, 1e-6);
  }
}

constexpr Augmentation kAugmentation{true, true, true};
const Objective kR1 = make_objective("bce", 0, {.r1 = 8});
const Objective kWganGp = make_objective("wgan-gp", 0);

TEST(TrainStep, AccumulatedPassesAreTheWholeBatchWhereThereIsNoBatchNorm) {
  expect_passes_to_be_the_whole_batch({});
  expect_passes_to_be_the_whole_batch({.augmentation = kAugmentation});
  expect_passes_to_be_the_whole_batch({.objective = kR1, .augmentation = kAugmentation});
  expect_passes_to_be_the_whole_batch({.objective = kWganGp, .augmentation = kAugmentation});
}

TEST(TrainStep, AccumulatedPassesOfAnySizeTrainBatchNorm) {
  for (std::int64_t batch = 2; batch < 12; ++batch) {
    const Ends ends = after_one_step(testing::small_spec(), kPlainDescent, batch, 4);
    EXPECT_TRUE(std::isfinite(ends.result.g_loss)) << batch;
    EXPECT_TRUE(std::isfinite(ends.generator.front())) << batch;
  }
}

// A part of the batch may fail when others have added their gradients.
TEST(TrainStep, AStepThatFailedHalfwayLeavesNoGradientsBehind) {
  constexpr std::int64_t kBatch = 12;
  const ThreadBudget threads(1);
  const StepOptions options{.objective = make_objective("bce", 0, {.r1 = 8})};
  GanSpec spec = conditional(testing::small_spec(0));
  spec.batch_norm = false;
  for (const bool real : {true, false}) {
    const GanState before(spec, {.lr = 0.01}, 5);
    const auto weights_after_step = [&](StepBuffers& buffers, std::int32_t last_label) {
      GanState state = before;
      std::ranges::copy(testing::random_values<float>(buffers.real(kBatch).size(), 1),
                        buffers.real(kBatch).begin());
      std::ranges::fill(buffers.real_labels(kBatch), 0);
      std::ranges::fill(buffers.fake_labels(kBatch), 1);
      (real ? buffers.real_labels(kBatch) : buffers.fake_labels(kBatch)).back() = last_label;
      const StepKey key{5, 0, 1, {0, kBatch}};
      draw_latents(key, spec.latent_dim, buffers.latents(kBatch));
      train_step(threads, key, kBatch, state, buffers, options);
      return std::pair(testing::to_vector(state.generator.parameters()),
                       testing::to_vector(state.discriminator.parameters()));
    };
    StepBuffers untouched(before, kBatch, 3, options), failed(before, kBatch, 3, options);
    EXPECT_THROW(weights_after_step(failed, 99), Error);
    EXPECT_EQ(weights_after_step(failed, 2), weights_after_step(untouched, 2));
  }
}

// What train_step gives the hooks are the gradients of what it returns, here by differences. The
// networks stand still.
class StepGradientCheck {
 public:
  StepGradientCheck(const GanSpec& spec, const StepOptions& options)
      : options_(options),
        state_(spec, {.lr = 0}, 5),
        buffers_(state_, kBatch, 1, options),
        real_(testing::random_values<float>(buffers_.real(kBatch).size(), 1)) {
    options_.hook = [this](std::span<const float> gradients) {
      gradients_.push_back(testing::to_vector(gradients));
    };
    std::ranges::copy(real_, buffers_.real(kBatch).begin());
    draw_latents(kKey, spec.latent_dim, buffers_.latents(kBatch));
  }

  void run() {
    step();
    const auto gradients = gradients_;
    ASSERT_EQ(gradients.size(), 2U);
    const auto d_loss = [this] { return step().d_loss; };
    const auto g_loss = [this] { return step().g_loss; };
    compare(state_.discriminator.parameters(), gradients[0], d_loss, "D");
    compare(state_.generator.parameters(), gradients[1], g_loss, "G");
    EXPECT_EQ(testing::to_vector(buffers_.real(kBatch)), real_) << "real pictures were changed";
  }

 private:
  static constexpr std::int64_t kBatch = 3;
  static constexpr StepKey kKey{5, 0, 1, {0, kBatch}};

  StepResult step() {
    gradients_.clear();
    return train_step(threads_, kKey, kBatch, state_, buffers_, options_);
  }

  // Along random directions, since a single weight moves a loss of single precision too little.
  template <class LossOf>
  void compare(std::span<float> weights, const std::vector<float>& gradient, LossOf loss,
               const char* network) {
    constexpr double kStep = 3e-4;
    const auto start = testing::to_vector(weights);
    for (unsigned direction = 0; direction < 8; ++direction) {
      const auto way = testing::random_values<float>(weights.size(), 20 + direction);
      double slope = 0;
      for (std::size_t i = 0; i < way.size(); ++i) slope += double{way[i]} * gradient[i];
      const auto loss_at = [&](double step) {
        for (std::size_t i = 0; i < way.size(); ++i) {
          weights[i] = static_cast<float>(start[i] + step * way[i]);
        }
        return loss();
      };
      const double difference = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
      EXPECT_NEAR(slope, difference, 0.01 * std::abs(slope) + 0.002) << network << ' ' << direction;
    }
    std::ranges::copy(start, weights.begin());
  }

  const ThreadBudget threads_{1};
  StepOptions options_;
  GanState state_;
  StepBuffers buffers_;
  const std::vector<float> real_;
  std::vector<std::vector<float>> gradients_;
};

TEST(TrainStep, GradientsByFiniteDifferences) {
  GanSpec spec = testing::small_spec();
  spec.batch_norm = false;  // too curved over so few samples
  spec.hidden = {7};        // and few units, lest one is near its kink, where penalties jump
  StepGradientCheck(spec, {}).run();
  StepGradientCheck(spec, {.augmentation = kAugmentation}).run();
  StepGradientCheck(spec, {.objective = kR1}).run();
  StepGradientCheck(spec, {.objective = kWganGp}).run();
  StepGradientCheck(spec, {.objective = kWganGp, .augmentation = kAugmentation}).run();
}

TEST(TrainStep, AugmentationChangesTheStepByEveryOneOfItsWords) {
  const GanSpec spec = make_spec("dcgan", 7, {3, 16, 16}, 0.05);
  std::vector<std::vector<float>> ends;
  for (const Augmentation& augmentation :
       {Augmentation{}, Augmentation{.colour = true}, Augmentation{.translation = true},
        Augmentation{.cutout = true}, kAugmentation}) {
    const StepOptions options{.augmentation = augmentation};
    const Ends end = after_one_step(spec, {}, 12, 1, options);
    for (const auto& other : ends) EXPECT_NE(end.generator, other);
    ends.push_back(end.generator);
    EXPECT_EQ(end.generator, after_one_step(spec, {}, 12, 1, options, 3).generator);
  }
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(a[i] - b[i], 2.0);
  return std::sqrt(squares);
}

TEST(TrainStep, ClippingScalesAGradientToTheNormAskedFor) {
  AdamOptions still = kPlainDescent;
  still.lr = 0;
  const GanSpec spec = testing::small_spec(0);
  const Ends start = after_one_step(spec, still, 16, 1);
  const Ends free = after_one_step(spec, kPlainDescent, 16, 1, {.gradient_norms = true});
  const double norm = free.result.d_gradient_norm.value();
  const double way = distance(start.discriminator, free.discriminator);
  const Ends clipped =
      after_one_step(spec, kPlainDescent, 16, 1, {.gradient_norms = true, .clip_norm = norm / 4});
  EXPECT_NEAR(distance(start.discriminator, clipped.discriminator) / way, 0.25, 1e-3);
  EXPECT_EQ(clipped.result.d_gradient_norm, norm) << "before it was clipped";
  const Ends wide = after_one_step(spec, kPlainDescent, 16, 1, {.clip_norm = norm * 1.01});
  EXPECT_EQ(wide.discriminator, free.discriminator);
}

TEST(TrainStep, TheSeedDecides) {
  const GanSpec spec = testing::small_spec();
  EXPECT_EQ(weights_after(spec, 1, 10, 10, 5), weights_after(spec, 1, 10, 10, 5));
  EXPECT_NE(weights_after(spec, 1, 10, 10, 5), weights_after(spec, 1, 10, 10, 6));
}

// As latents: a worker's share of a step's classes is its part of the whole step's.
TEST(TrainStep, ClassesOfFakesAreDrawnBySampleAndUniform) {
  std::vector<std::int32_t> whole(30'000), half(15'000);
  draw_labels({5, 0, 3, {0, 30'000}}, 3, whole);
  draw_labels({5, 0, 3, {15'000, 30'000}}, 3, half);
  EXPECT_TRUE(std::equal(half.begin(), half.end(), whole.begin() + 15'000));
  for (int label = 0; label < 3; ++label) {
    EXPECT_NEAR(std::ranges::count(whole, label), 10'000, 5 * std::sqrt(30'000 * 2.0 / 9));
  }
  draw_labels({5, 0, 4, {15'000, 30'000}}, 3, half);
  EXPECT_FALSE(std::equal(half.begin(), half.end(), whole.begin() + 15'000));
}

}  // namespace
}  // namespace miniray
