#include "runtime/parameter_sync.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/reference_kernels.h"
#include "support/run_ranks.h"

namespace miniray {
namespace {

using testing::run_ranks_without_failure;

// A network of two parameters, one statistic, and moments, all filled with one number.
struct Buffers {
  explicit Buffers(float value)
      : parameters(2, value), statistics(1, value), first(2, value), second(2, value) {}
  SyncSpans spans() { return {parameters, statistics, first, second}; }
  std::vector<float> parameters, statistics, first, second;
};

TEST(ParameterSync, TheDefaultIsTheReferences) {
  const SyncPolicy policy;
  EXPECT_EQ(policy.unit, SyncUnit::kEpochs);
  EXPECT_EQ(policy.interval, 5);
  EXPECT_EQ(policy.outer, OuterStep::kMean);
  const auto communicator = make_single_communicator();
  const ParameterSync sync(policy, *communicator, {});
  EXPECT_FALSE(sync.due_after_epoch(4));
  EXPECT_TRUE(sync.due_after_epoch(5));
  EXPECT_FALSE(sync.due_after_epoch(6));
  EXPECT_TRUE(sync.due_after_epoch(10));
  EXPECT_FALSE(sync.due_after_step(5));
}

TEST(ParameterSync, MeanOfParametersAndStatistics) {
  run_ranks_without_failure(3, [](Communicator& communicator) {
    Buffers buffers(static_cast<float>(communicator.rank()));  // 0, 1, 2: mean 1
    ParameterSync sync({}, communicator, {buffers.spans()});
    const SyncReport report = sync.sync();
    EXPECT_EQ(buffers.parameters, (std::vector<float>{1, 1}));
    EXPECT_EQ(buffers.statistics, (std::vector<float>{1}));
    EXPECT_EQ(buffers.first, std::vector<float>(2, static_cast<float>(communicator.rank())));
    EXPECT_EQ(report.bytes, 3 * 4);
    // Distances 1, 0, 1 from the mean.
    EXPECT_NEAR(report.divergence, std::sqrt(2.0 / 3), 1e-12);
  });
}

TEST(ParameterSync, MomentsAreKeptAveragedOrReset) {
  run_ranks_without_failure(2, [](Communicator& communicator) {
    const auto rank = static_cast<float>(communicator.rank());
    const struct {
      MomentSync what;
      float expected;
    } cases[] = {{MomentSync::kKeep, rank}, {MomentSync::kAverage, 0.5F}, {MomentSync::kReset, 0}};
    for (const auto& [what, expected] : cases) {
      Buffers buffers(rank);
      ParameterSync({.moments = what}, communicator, {buffers.spans()}).sync();
      EXPECT_EQ(buffers.first, std::vector<float>(2, expected));
      EXPECT_EQ(buffers.second, std::vector<float>(2, expected));
    }
  });
}

// torch.optim.SGD(lr=0.7, momentum=0.9, nesterov=True) by hand, on the mean change of two ranks.
TEST(ParameterSync, OuterNesterovStep) {
  run_ranks_without_failure(2, [](Communicator& communicator) {
    Buffers buffers(1);
    ParameterSync sync({.outer = OuterStep::kNesterov}, communicator, {buffers.spans()});
    double weight = 1, velocity = 0;
    for (int round = 0; round < 4; ++round) {
      // Ranks move by -1 and -3: on average by -2.
      for (float& value : buffers.parameters) value -= communicator.rank() == 0 ? 1.0F : 3.0F;
      sync.sync();
      const double change = 2;
      velocity = 0.9 * velocity + change;
      weight -= 0.7 * (change + 0.9 * velocity);
      EXPECT_NEAR(buffers.parameters[0], weight, 1e-5 * std::abs(weight));
      EXPECT_EQ(buffers.parameters[0], buffers.parameters[1]);
    }
  });
}

// By hand: two ranks that move away from each other, drawn to a common center.
TEST(ParameterSync, ElasticAveraging) {
  for (const Payload payload : {Payload::kFloat32, Payload::kBfloat16}) {
    run_ranks_without_failure(2, [&](Communicator& communicator) {
      Buffers buffers(1);
      ParameterSync sync({.payload = payload, .outer = OuterStep::kElastic}, communicator,
                         {buffers.spans()});
      double own[2] = {1, 1}, center = 1;
      for (int round = 0; round < 5; ++round) {
        own[0] += 2;
        own[1] -= 1;
        for (float& value : buffers.parameters) value += communicator.rank() == 0 ? 2.0F : -1.0F;
        const double mean = (own[0] + own[1]) / 2;
        for (double& x : own) x -= 0.45 * (x - center);
        center += 0.9 * (mean - center);
        const bool last = round == 4;
        last ? sync.finish() : sync.sync();
        const double expected = last ? center : own[communicator.rank()];
        EXPECT_NEAR(buffers.parameters[0], expected, payload == Payload::kFloat32 ? 1e-5 : 0.1);
      }
      const auto all = communicator.gather(std::to_string(buffers.parameters[0]));
      EXPECT_EQ(all[0], all[1]);
    });
  }
}

// What rank moves its 1000 parameters by in one round.
std::vector<float> change_of(int rank, int round) {
  return testing::random_values<float>(1000, static_cast<unsigned>(10 * round + rank), -1e-3, 1e-3);
}

TEST(ParameterSync, Bfloat16KeepsTheMeanChangeWithinItsBound) {
  constexpr int kWorld = 3, kRounds = 5;
  std::mutex mutex;
  std::vector<std::vector<float>> ends;
  run_ranks_without_failure(kWorld, [&](Communicator& communicator) {
    auto parameters = testing::random_values<float>(1000, 1, -2, 2);
    ParameterSync sync({.payload = Payload::kBfloat16}, communicator, {{parameters, {}, {}, {}}});
    for (int round = 1; round <= kRounds; ++round) {
      const std::vector<double> before(parameters.begin(), parameters.end());
      std::vector<double> mean_change(parameters.size());
      double largest = 0;
      for (int rank = 0; rank < kWorld; ++rank) {
        const auto change = change_of(rank, round);
        for (std::size_t i = 0; i < change.size(); ++i) {
          if (rank == communicator.rank()) parameters[i] += change[i];
          mean_change[i] += change[i] / double{kWorld};
          largest = std::max(largest, std::abs(double{change[i]}));
        }
      }
      EXPECT_EQ(sync.sync().bytes, 1000 * 2);
      // Twice 2^-8 for what is rounded, and the sums in float of numbers below 4.
      const double bound = largest * 0x1p-7 + 2 * 0x1p-22;
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        ASSERT_NEAR(parameters[i], before[i] + mean_change[i], bound);
      }
    }
    const std::lock_guard lock(mutex);
    ends.push_back(parameters);
  });
  for (const auto& end : ends) EXPECT_EQ(end, ends.front());
}

TEST(ParameterSync, Bfloat16DoesNotLoseSmallSteps) {
  run_ranks_without_failure(2, [](Communicator& communicator) {
    Buffers buffers(1);
    ParameterSync sync({.payload = Payload::kBfloat16}, communicator, {buffers.spans()});
    for (int round = 1; round <= 100; ++round) {
      for (float& value : buffers.parameters) value += 1e-6F;
      const float before = buffers.parameters[0];
      sync.sync();
      EXPECT_NEAR(buffers.parameters[0], before, 2e-7);
    }
    EXPECT_NEAR(buffers.parameters[0], 1 + 100 * 1e-6, 2e-5);
  });
}

TEST(ParameterSync, Bfloat16ServesTheOuterStep) {
  run_ranks_without_failure(2, [](Communicator& communicator) {
    std::vector<float> ends;
    for (const Payload payload : {Payload::kFloat32, Payload::kBfloat16}) {
      Buffers buffers(1);
      ParameterSync sync({.payload = payload, .outer = OuterStep::kNesterov}, communicator,
                         {buffers.spans()});
      for (int round = 0; round < 4; ++round) {
        // Changes that bfloat16 holds exactly, and their mean.
        for (float& value : buffers.parameters) value -= communicator.rank() == 0 ? 1.0F : 3.0F;
        sync.sync();
      }
      ends.push_back(buffers.parameters[0]);
    }
    EXPECT_NEAR(ends[1], ends[0], 1e-5);
  });
}

TEST(ParameterSync, GradientsTravelAsAsked) {
  run_ranks_without_failure(2, [](Communicator& communicator) {
    const float third = communicator.rank() == 0 ? 1.0F / 3 : 0.0F;
    for (const Payload payload : {Payload::kFloat32, Payload::kBfloat16}) {
      ParameterSync sync({.unit = SyncUnit::kGradients, .payload = payload}, communicator, {});
      std::vector<float> gradients{third};
      sync.average_gradients(gradients);
      const float sent =
          payload == Payload::kFloat32 ? 1.0F / 3 : testing::reference_bfloat16(1.0F / 3);
      EXPECT_EQ(gradients[0], sent / 2);
    }
  });
}

TEST(ParameterSync, AWorldOfOneIsTheIdentity) {
  const auto communicator = make_single_communicator();
  for (const Payload payload : {Payload::kFloat32, Payload::kBfloat16}) {
    Buffers buffers(0.1F);
    ParameterSync sync({.moments = MomentSync::kAverage, .payload = payload}, *communicator,
                       {buffers.spans()});
    std::ranges::fill(buffers.parameters, 0.7F);
    EXPECT_EQ(sync.sync().divergence, 0);
    sync.average_gradients(buffers.first);
    EXPECT_EQ(buffers.parameters, std::vector<float>(2, 0.7F));
    EXPECT_EQ(buffers.first, std::vector<float>(2, 0.1F));
    EXPECT_EQ(buffers.second, std::vector<float>(2, 0.1F));
  }
}

TEST(ParameterSync, RefusesAnIntervalBelowOne) {
  const auto communicator = make_single_communicator();
  testing::expect_error(ErrorKind::kInvalidArgument, "interval",
                        [&] { ParameterSync sync({.interval = 0}, *communicator, {}); });
}

TEST(ParameterSync, RefusesAnOuterStepOnGradients) {
  const auto communicator = make_single_communicator();
  const SyncPolicy policy{.unit = SyncUnit::kGradients, .outer = OuterStep::kNesterov};
  testing::expect_error(ErrorKind::kInvalidArgument, "outer step",
                        [&] { ParameterSync sync(policy, *communicator, {}); });
}

}  // namespace
}  // namespace miniray
