// Data-parallel training against training by one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <latch>
#include <map>
#include <mutex>
#include <set>

#include "engine/file.h"
#include "gan/trainer.h"
#include "support/expect_error.h"
#include "support/small_gan.h"
#include "support/stop_after.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

using testing::expect_error;
using testing::small_options;
using testing::SmallPictures;

std::vector<float> numbers_of(const GanState& state) {
  std::vector<float> numbers;
  for (const Network<float>* network : {&state.generator, &state.discriminator}) {
    for (const auto buffer : {network->parameters(), network->statistics()}) {
      numbers.insert(numbers.end(), buffer.begin(), buffer.end());
    }
  }
  return numbers;
}

TEST(Distributed, AWorldOfOneEqualsSingleTraining) {
  for (const SyncUnit unit : {SyncUnit::kEpochs, SyncUnit::kSteps, SyncUnit::kGradients}) {
    const TrainOptions options{
        .epochs = 3,
        .batch_size = 16,
        .flip = Flip::kRandom,
        .sync = {.unit = unit, .interval = 2, .payload = Payload::kBfloat16}};
    GanTrainer single(small_options(), 1);
    DistributedGanTrainer distributed(small_options(), {.num_workers = 1});
    single.train(SmallPictures(100), options);
    distributed.train(SmallPictures(100), options);
    EXPECT_EQ(numbers_of(single.state()), numbers_of(distributed.state()));
  }
}

TEST(Distributed, EqualBitsInEveryRun) {
  const TrainOptions options{.epochs = 4, .batch_size = 8, .sync = {.interval = 2}};
  DistributedGanTrainer a(small_options(), {.num_workers = 3});
  DistributedGanTrainer b(small_options(), {.num_workers = 3, .threads_per_worker = 2});
  a.train(SmallPictures(100), options);
  b.train(SmallPictures(100), options);
  EXPECT_EQ(numbers_of(a.state()), numbers_of(b.state()));
}

TEST(Distributed, Bfloat16EndsNearFloats) {
  const auto trained = [](SyncUnit unit, Payload payload) {
    DistributedGanTrainer trainer(small_options(), {.num_workers = 3});
    trainer.train(
        SmallPictures(96),
        {.epochs = 2, .batch_size = 8, .sync = {.unit = unit, .interval = 2, .payload = payload}});
    EXPECT_EQ(numbers_of(trainer.workers()[0]->state()), numbers_of(trainer.workers()[2]->state()));
    return numbers_of(trainer.state());
  };
  const auto start = numbers_of(GanTrainer(small_options(), 1).state());
  for (const SyncUnit unit : {SyncUnit::kSteps, SyncUnit::kGradients}) {
    const auto a = trained(unit, Payload::kFloat32), b = trained(unit, Payload::kBfloat16);
    double apart = 0, moved = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      apart += std::pow(a[i] - b[i], 2);
      moved += std::pow(a[i] - start[i], 2);
    }
    EXPECT_GT(apart, 0);
    EXPECT_LT(std::sqrt(apart / moved), 0.05);
  }
}

// How far apart two workers with averaged gradients and half the batch each end from one with the
// whole batch, as a share of how far that one moved.
double distance_to_whole_batch(bool batch_norm, const Objective& objective = {}) {
  GanOptions options = small_options();
  options.objective = objective;
  options.model.batch_norm = batch_norm;
  const SmallPictures pictures(64 * 5 + 10);
  const SyncPolicy sync{.unit = SyncUnit::kGradients};
  GanTrainer whole(options, 1);
  const auto start = numbers_of(whole.state());
  TrainOptions training{.epochs = 1,
                        .batch_size = 64,
                        .flip = Flip::kRandom,
                        .augmentation = {true, true, true},
                        .sync = sync};
  whole.train(pictures, training);
  training.batch_size = 32;
  DistributedGanTrainer halves(options, {.num_workers = 2});
  halves.train(pictures, training);
  const auto a = numbers_of(whole.state()), b = numbers_of(halves.state());
  double apart = 0, moved = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    apart += std::pow(a[i] - b[i], 2);
    moved += std::pow(a[i] - start[i], 2);
  }
  return std::sqrt(apart / moved);
}

TEST(Distributed, AveragedGradientsEqualTheWholeBatchUpToRounding) {
  EXPECT_LT(distance_to_whole_batch(false), 1e-3);
  EXPECT_LT(distance_to_whole_batch(false, make_objective("wgan-gp", 0, {.r1 = 1})), 1e-3);
}

// Batch normalisation over half the batch is another function: the known difference.
TEST(Distributed, AveragedGradientsWithBatchNormStayNear) {
  const double distance = distance_to_whole_batch(true);
  EXPECT_GT(distance, 1e-3);
  EXPECT_LT(distance, 1);
}

TEST(Distributed, ElasticWorkersEndWithTheirCenter) {
  DistributedGanTrainer trainer(small_options(), {.num_workers = 3});
  for (int call = 0; call < 2; ++call) {
    trainer.train(
        SmallPictures(90),
        {.epochs = 3, .batch_size = 10, .sync = {.interval = 2, .outer = OuterStep::kElastic}});
    const auto& workers = trainer.workers();
    EXPECT_EQ(numbers_of(workers[0]->state()), numbers_of(workers[1]->state()));
    EXPECT_EQ(numbers_of(workers[0]->state()), numbers_of(workers[2]->state()));
  }
}

TEST(Distributed, AllWorkersEndWithTheSameNetworksAndKeepTheirOwn) {
  DistributedGanTrainer trainer(small_options(), {.num_workers = 3});
  trainer.train(SmallPictures(90), {.epochs = 3, .batch_size = 10, .sync = {.interval = 2}});
  const auto& workers = trainer.workers();
  EXPECT_EQ(numbers_of(workers[0]->state()), numbers_of(workers[1]->state()));
  EXPECT_EQ(numbers_of(workers[0]->state()), numbers_of(workers[2]->state()));
  // The average at the top is the mean of the workers' own.
  const auto average = trainer.state().generator.parameters();
  for (std::size_t i = 0; i < average.size(); ++i) {
    float sum = 0;
    for (const Replica* worker : workers) sum += worker->own_networks()->generator.parameters()[i];
    ASSERT_EQ(average[i], sum * (1.0F / 3));
  }
  EXPECT_FALSE(std::ranges::equal(workers[0]->own_networks()->generator.parameters(),
                                  workers[1]->own_networks()->generator.parameters()));
}

TEST(Distributed, TheAverageOverStepsIsThatOfAllWorkers) {
  GanOptions options = small_options();
  options.ema = 0.9;
  const TrainOptions training{.epochs = 3, .batch_size = 10, .sync = {.interval = 2}};
  DistributedGanTrainer trainer(options, {.num_workers = 3});
  trainer.train(SmallPictures(90), training);
  const auto average = [&](std::size_t worker) {
    const auto& network = trainer.workers()[worker]->state().generator_average.value();
    return std::vector<float>(network.parameters().begin(), network.parameters().end());
  };
  EXPECT_EQ(average(0), average(1));
  EXPECT_EQ(average(0), average(2));
  GanTrainer single(options, 1);
  DistributedGanTrainer alone(options, {.num_workers = 1});
  single.train(SmallPictures(90), training);
  alone.train(SmallPictures(90), training);
  EXPECT_TRUE(std::ranges::equal(single.state().sampling_generator().parameters(),
                                 alone.state().sampling_generator().parameters()));
}

TEST(Distributed, SavesTheAverageAndEachWorkersOwn) {
  const testing::TempDir dir;
  DistributedGanTrainer trainer(small_options(), {.num_workers = 2});
  trainer.train(SmallPictures(40), {.epochs = 1, .batch_size = 10});
  trainer.save_models(dir.path());
  for (const char* folder : {".", "worker_0", "worker_1"}) {
    for (const char* file : {"generator.safetensors", "discriminator.safetensors"}) {
      EXPECT_TRUE(std::filesystem::exists(dir.path() / folder / file)) << folder << file;
    }
  }
}

TEST(Distributed, NoWorkerOfAnEarlierTrainingStaysBesideTheAverage) {
  namespace fs = std::filesystem;
  const testing::TempDir dir;
  const auto save = [&](int workers) {
    DistributedGanTrainer trainer(small_options(), {.num_workers = workers});
    trainer.train(SmallPictures(40), {.epochs = 1, .batch_size = 10});
    trainer.save_models(dir.path());
  };
  save(4);
  write_file(dir.path() / "worker_3" / "notes", std::string("mine"));
  fs::create_directories(dir.path() / "worker_2b");
  write_file(dir.path() / "worker_2b" / "generator.safetensors", std::string("mine"));
  save(2);
  EXPECT_TRUE(fs::exists(dir.path() / "worker_1" / "generator.safetensors"));
  EXPECT_FALSE(fs::exists(dir.path() / "worker_2"));
  EXPECT_FALSE(fs::exists(dir.path() / "worker_3" / "generator.safetensors"));
  EXPECT_TRUE(fs::exists(dir.path() / "worker_3" / "notes"));
  EXPECT_TRUE(fs::exists(dir.path() / "worker_2b" / "generator.safetensors"));
  GanTrainer(small_options(), 1).save_models(dir.path());
  EXPECT_FALSE(fs::exists(dir.path() / "worker_0"));
  EXPECT_TRUE(fs::exists(dir.path() / "generator.safetensors"));
}

TEST(Distributed, LossesAreAveragedOverWorkers) {
  DistributedGanTrainer trainer(small_options(), {.num_workers = 2});
  const auto result = trainer.train(SmallPictures(41), {.epochs = 2, .batch_size = 10});
  for (const EpochReport& report : result.history) {
    ASSERT_EQ(report.workers.size(), 2U);
    EXPECT_NEAR(report.mean.d_loss, (report.workers[0].d_loss + report.workers[1].d_loss) / 2,
                1e-12);
    EXPECT_EQ(report.images, 40);  // shards of 20 and 21: the smaller one decides
    EXPECT_EQ(report.step, 2 * report.epoch);
  }
  EXPECT_FALSE(result.history[0].sync.has_value());
  EXPECT_TRUE(result.history[1].sync.has_value());
  EXPECT_GT(result.history[1].sync->divergence, 0);
}

TEST(Distributed, AStopEndsAllWorkersWithOneLastAverage) {
  for (const SyncPolicy& sync : {SyncPolicy{}, SyncPolicy{.unit = SyncUnit::kSteps, .interval = 3},
                                 SyncPolicy{.unit = SyncUnit::kGradients}}) {
    for (const int steps : {1, 4, 10, 11}) {
      testing::StopAfter observer(steps);
      DistributedGanTrainer trainer(small_options(), {.num_workers = 3});
      const auto result =
          trainer.train(SmallPictures(300), {.epochs = 500, .batch_size = 10, .sync = sync},
                        {&observer}, &observer.stop);
      EXPECT_TRUE(result.stopped);
      EXPECT_EQ(numbers_of(trainer.workers()[0]->state()),
                numbers_of(trainer.workers()[2]->state()));
    }
  }
}

class Failing final : public TrainObserver {
 public:
  void on_step(const StepReport&) override { throw std::runtime_error("the observer failed"); }
  void on_epoch(const EpochReport&, const Network<float>&) override {}
};

TEST(Distributed, TheFirstFailureIsTheOneThatIsReported) {
  Failing observer;
  DistributedGanTrainer trainer(small_options(), {.num_workers = 3});
  EXPECT_THROW(trainer.train(SmallPictures(90), {.epochs = 3, .batch_size = 10}, {&observer}),
               std::runtime_error);
}

class Hanging final : public TrainObserver {
 public:
  void on_step(const StepReport&) override { release.wait(); }
  void on_epoch(const EpochReport&, const Network<float>&) override {}
  std::latch release{1};
};

TEST(Distributed, AWorkerThatHangsIsReportedThoughItCannotBeJoined) {
  const SmallPictures pictures(90);  // the worker goes on with them when it is released
  Hanging observer;
  std::string reason;
  const auto on_hang = [&](const std::string& what) {
    reason = what;
    observer.release.count_down();
  };
  {
    DistributedGanTrainer trainer(
        small_options(),
        {.num_workers = 3, .timeout = std::chrono::milliseconds(300), .on_hang = on_hang});
    expect_error(ErrorKind::kCommunication, "rank 0 failed: it showed no sign of life",
                 [&] { trainer.train(pictures, {.epochs = 1, .batch_size = 10}, {&observer}); });
    EXPECT_EQ(reason, "");
  }
  EXPECT_NE(reason.find("rank 0 failed"), std::string::npos);
}

TEST(Distributed, RefusesMoreWorkersThanPicturesAllow) {
  DistributedGanTrainer trainer(small_options(), {.num_workers = 4});
  expect_error(ErrorKind::kInvalidArgument, "4 workers",
               [&] { trainer.train(SmallPictures(7), {.epochs = 1, .batch_size = 2}); });
  expect_error(ErrorKind::kInvalidArgument, "at least 1 rank",
               [] { DistributedGanTrainer none(small_options(), {.num_workers = 0}); });
}

using Counts = std::map<std::uint32_t, int>;

Counts dealt(const std::string& name, const Dataset& dataset, int world, std::int64_t epoch) {
  Counts counts;
  for (int rank = 0; rank < world; ++rank) {
    for (const auto index : make_sharding(name, 1)(dataset, rank, world, epoch)) ++counts[index];
  }
  return counts;
}

TEST(Sharding, EveryPictureGoesToOneWorker) {
  const SmallPictures pictures(103);
  for (const char* name : {"contiguous", "strided", "reshuffle", "by-class"}) {
    const Counts counts = dealt(name, pictures, 2, 1);
    EXPECT_EQ(counts.size(), 103U) << name;
    for (const auto& [index, count] : counts) EXPECT_EQ(count, 1) << name << ' ' << index;
  }
}

TEST(Sharding, ContiguousIsTheReferences) {
  const SmallPictures pictures(50);
  const auto shard = make_sharding("contiguous", 1)(pictures, 2, 4, 1);
  ASSERT_EQ(shard.size(), 12U);  // [2 * 50 / 4, 3 * 50 / 4)
  EXPECT_EQ(shard.front(), 25U);
}

TEST(Sharding, ReshuffleChangesEachEpochAndOthersDoNot) {
  const SmallPictures pictures(50);
  EXPECT_NE(make_sharding("reshuffle", 1)(pictures, 0, 2, 1),
            make_sharding("reshuffle", 1)(pictures, 0, 2, 2));
  EXPECT_EQ(make_sharding("strided", 1)(pictures, 1, 2, 1),
            make_sharding("strided", 1)(pictures, 1, 2, 2));
}

TEST(Sharding, ByClassKeepsClassesTogether) {
  const SmallPictures pictures(50);
  for (const auto index : make_sharding("by-class", 1)(pictures, 1, 2, 1)) {
    EXPECT_EQ(pictures.label(index), 1);
  }
  expect_error(ErrorKind::kInvalidArgument, "at most 2 workers",
               [&] { make_sharding("by-class", 1)(pictures, 0, 3, 1); });
  expect_error(ErrorKind::kInvalidArgument, "'odd'", [] { make_sharding("odd", 1); });
}

TEST(Distributed, AUsersOwnShardingIsUsed) {
  std::mutex mutex;
  std::multiset<int> ranks;
  TrainOptions options{.epochs = 1, .batch_size = 5};
  options.sharding = [&](const Dataset&, int rank, int, std::int64_t) {
    const std::lock_guard lock(mutex);
    ranks.insert(rank);
    std::vector<std::uint32_t> shard{0, 1, 2, 3, 4, 5, 6, 7};
    if (rank == 0) shard.push_back(8);  // left out: the smaller shard decides
    return shard;
  };
  DistributedGanTrainer trainer(small_options(), {.num_workers = 2});
  const auto result = trainer.train(SmallPictures(100), options);
  EXPECT_EQ(ranks, (std::multiset<int>{0, 1}));  // each worker asks for its own alone
  EXPECT_EQ(result.history[0].images, 16);
}

}  // namespace
}  // namespace miniray
