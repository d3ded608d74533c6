// The collectives, as gloo tests its own: world size x length, a rank that throws, one that never
// comes, one that is slow but alive.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <tuple>

#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/reference_kernels.h"
#include "support/run_ranks.h"

namespace miniray {
namespace {

using namespace std::chrono_literals;
using testing::run_ranks;
using testing::run_ranks_without_failure;

std::vector<float> data_of(int rank, std::int64_t length) {
  return testing::random_values<float>(static_cast<std::size_t>(length),
                                       static_cast<unsigned>(rank + 1));
}

class Collectives : public ::testing::TestWithParam<std::tuple<int, std::int64_t>> {
 protected:
  int world() const { return std::get<0>(GetParam()); }
  // -1 stands for world - 1.
  std::int64_t length() const {
    const std::int64_t length = std::get<1>(GetParam());
    return length < 0 ? world() - 1 : length;
  }
};

TEST_P(Collectives, ReduceAddsInRankOrder) {
  std::vector<float> expected = data_of(0, length());
  const float scale = 1.0F / static_cast<float>(world());
  for (int rank = 1; rank < world(); ++rank) {
    const auto data = data_of(rank, length());
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += data[i];
  }
  for (float& value : expected) value *= scale;
  run_ranks_without_failure(world(), [&](Communicator& communicator) {
    auto data = data_of(communicator.rank(), length());
    communicator.mean(data);
    EXPECT_EQ(data, expected);
  });
}

// Each rank's numbers rounded, added in order, and what comes of it rounded.
TEST_P(Collectives, Bfloat16RoundsWhatTravels) {
  std::vector<float> expected(static_cast<std::size_t>(length()));
  const float scale = 1.0F / static_cast<float>(world());
  for (int rank = 0; rank < world(); ++rank) {
    const auto data = data_of(rank, length());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] += testing::reference_bfloat16(data[i]);
    }
  }
  for (float& value : expected) value = testing::reference_bfloat16(value * scale);
  if (world() == 1) expected = data_of(0, length());  // the identity
  run_ranks_without_failure(world(), [&](Communicator& communicator) {
    auto data = data_of(communicator.rank(), length());
    communicator.mean(data, Payload::kBfloat16);
    EXPECT_EQ(data, expected);
  });
}

TEST_P(Collectives, BroadcastGivesTheRootsData) {
  const int root = world() - 1;
  run_ranks_without_failure(world(), [&](Communicator& communicator) {
    auto data = data_of(communicator.rank(), length());
    communicator.broadcast(data, root);
    EXPECT_EQ(data, data_of(root, length()));
  });
}

TEST_P(Collectives, ManyInARowStayApart) {
  if (length() > 1000) return;
  run_ranks_without_failure(world(), [&](Communicator& communicator) {
    for (int round = 0; round < 200; ++round) {
      std::vector<float> data(static_cast<std::size_t>(length()), static_cast<float>(round));
      communicator.reduce(data, 1, Payload::kFloat32);
      for (const float value : data) ASSERT_EQ(value, static_cast<float>(round * world()));
      const auto records = communicator.gather(std::to_string(round + communicator.rank()));
      ASSERT_EQ(records.size(), static_cast<std::size_t>(world()));
      for (int rank = 0; rank < world(); ++rank) {
        ASSERT_EQ(records[static_cast<std::size_t>(rank)], std::to_string(round + rank));
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, Collectives,
                         ::testing::Combine(::testing::Values(1, 2, 3, 7),
                                            ::testing::Values(0, 1, -1, 1001, 100'003, 8'000'000)));

TEST(Barrier, NobodyPassesBeforeAllHaveCome) {
  std::atomic<int> arrived{0};
  run_ranks_without_failure(5, [&](Communicator& communicator) {
    for (int round = 1; round <= 50; ++round) {
      ++arrived;
      communicator.barrier();
      EXPECT_EQ(arrived, 5 * round);
      communicator.barrier();
    }
  });
}

TEST(Gather, RecordsMayDifferInLength) {
  run_ranks_without_failure(3, [&](Communicator& communicator) {
    const auto rank = static_cast<std::size_t>(communicator.rank());
    const auto records = communicator.gather(std::string(rank * 1000, 'x'));
    for (std::size_t r = 0; r < 3; ++r) EXPECT_EQ(records[r].size(), r * 1000);
  });
}

std::string message_of(const std::exception_ptr& failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Failure, ARankThatThrowsEndsTheOthersWithItsReason) {
  const auto start = std::chrono::steady_clock::now();
  const auto failures = run_ranks(4, [](Communicator& communicator) {
    if (communicator.rank() == 2) throw std::runtime_error("out of paint");
    std::vector<float> data(10);
    communicator.mean(data);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  for (const std::size_t rank : {0, 1, 3}) {
    EXPECT_EQ(message_of(failures[rank]), "rank 2 failed: out of paint");
  }
  EXPECT_EQ(message_of(failures[2]), "out of paint");
}

TEST(Failure, ARankThatNeverComesIsGivenUp) {
  std::atomic<int> failed{0};
  const auto failures = run_ranks(
      3,
      [&](Communicator& communicator) {
        if (communicator.rank() == 1) {
          while (failed < 2) std::this_thread::sleep_for(5ms);
          communicator.barrier();
        }
        try {
          communicator.barrier();
        } catch (const Error&) {
          ++failed;
          throw;
        }
      },
      300ms);
  for (const std::size_t rank : {0, 2}) {
    EXPECT_NE(message_of(failures[rank]).find("rank 1 failed: it showed no sign of life for 0.3"),
              std::string::npos);
  }
  EXPECT_NE(message_of(failures[1]).find("this rank (1) failed"), std::string::npos);
}

TEST(Failure, ASlowRankThatShowsLifeIsWaitedFor) {
  const auto failures = run_ranks(
      2,
      [](Communicator& communicator) {
        if (communicator.rank() == 1) {
          for (int i = 0; i < 16; ++i) {
            std::this_thread::sleep_for(50ms);
            communicator.heartbeat();
          }
        }
        communicator.barrier();
      },
      400ms);
  EXPECT_EQ(message_of(failures[0]), "nothing was thrown");
}

TEST(Failure, SpansOfDifferentLengthsAreRefused) {
  const auto failures = run_ranks(2, [](Communicator& communicator) {
    std::vector<float> data(static_cast<std::size_t>(3 + communicator.rank()));
    communicator.mean(data);
  });
  EXPECT_NE(message_of(failures[0]).find("different lengths"), std::string::npos);
}

TEST(ThreadWorld, HasAtLeastOneRank) {
  testing::expect_error(ErrorKind::kInvalidArgument, "0", [] { ThreadWorld world(0, 1s); });
}

}  // namespace
}  // namespace miniray
