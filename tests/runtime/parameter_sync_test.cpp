#include "runtime/parameter_sync.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/expect_error.h"
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

TEST(ParameterSync, AWorldOfOneIsTheIdentity) {
  const auto communicator = make_single_communicator();
  Buffers buffers(0.1F);
  ParameterSync sync({.moments = MomentSync::kAverage}, *communicator, {buffers.spans()});
  EXPECT_EQ(sync.sync().divergence, 0);
  EXPECT_EQ(buffers.parameters, std::vector<float>(2, 0.1F));
  EXPECT_EQ(buffers.second, std::vector<float>(2, 0.1F));
}

TEST(ParameterSync, RefusesAnIntervalBelowOne) {
  const auto communicator = make_single_communicator();
  testing::expect_error(ErrorKind::kInvalidArgument, "interval",
                        [&] { ParameterSync sync({.interval = 0}, *communicator, {}); });
}

}  // namespace
}  // namespace miniray
