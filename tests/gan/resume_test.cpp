// A training that is interrupted and resumed ends with the bits of one that was not.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "gan/collector.h"
#include "gan/data/shapes.h"
#include "gan/trainer.h"
#include "support/small_gan.h"
#include "support/stop_after.h"
#include "support/temp_dir.h"
#include "support/trained_numbers.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::numbers_of;
using testing::small_options;
using testing::SmallPictures;

// Trains to the end in as many pieces as it takes, each by a trainer of its own: as many processes
// would. Counts the pieces.
std::vector<float> trained_in_pieces(const GanOptions& gan, const WorkerOptions& workers,
                                     const Dataset& pictures, TrainOptions options,
                                     int steps_in_piece, int& pieces) {
  const testing::TempDir dir;
  options.checkpoints.folder = dir.path();
  options.checkpoints.every_epochs = 1;
  options.checkpoints.resume = true;
  for (pieces = 1;; ++pieces) {
    testing::StopAfter observer(steps_in_piece);
    DistributedGanTrainer trainer(gan, workers);
    if (!trainer.train(pictures, options, {&observer}, &observer.stop).stopped) {
      return numbers_of(trainer);
    }
  }
}

void expect_exact(const GanOptions& gan, int workers, const Dataset& pictures,
                  const TrainOptions& options, const std::vector<int>& pieces_of = {4, 5}) {
  DistributedGanTrainer whole(gan, {.num_workers = workers});
  whole.train(pictures, options);
  for (const int steps : pieces_of) {
    int pieces = 0;
    const auto numbers = trained_in_pieces(gan, {.num_workers = workers, .threads_per_worker = 2},
                                           pictures, options, steps, pieces);
    EXPECT_GT(pieces, 2);
    EXPECT_TRUE(numbers_of(whole) == numbers) << "in pieces of " << steps << " steps";
  }
}

struct Policy {
  const char* name;
  SyncPolicy sync;
};

const Policy kPolicies[] = {
    {"epochs", {.interval = 2}},
    {"epochs, moments averaged", {.interval = 1, .moments = MomentSync::kAverage}},
    {"steps", {.unit = SyncUnit::kSteps, .interval = 3}},
    {"steps, moments reset",
     {.unit = SyncUnit::kSteps, .interval = 3, .moments = MomentSync::kReset}},
    {"steps, bfloat16", {.unit = SyncUnit::kSteps, .interval = 2, .payload = Payload::kBfloat16}},
    {"gradients", {.unit = SyncUnit::kGradients}},
    {"gradients, bfloat16", {.unit = SyncUnit::kGradients, .payload = Payload::kBfloat16}},
    {"nesterov", {.unit = SyncUnit::kSteps, .interval = 3, .outer = OuterStep::kNesterov}},
    {"elastic", {.unit = SyncUnit::kSteps, .interval = 2, .outer = OuterStep::kElastic}},
    {"elastic by epochs", {.interval = 1, .outer = OuterStep::kElastic}},
};

TEST(Resume, ExactForEverySyncPolicyAndNumberOfWorkers) {
  for (const Policy& policy : kPolicies) {
    for (const int workers : {1, 2, 4}) {
      SCOPED_TRACE(std::string(policy.name) + ", workers: " + std::to_string(workers));
      expect_exact(small_options(), workers, SmallPictures(50 * workers + 3),
                   {.epochs = 3, .batch_size = 10, .flip = Flip::kRandom, .sync = policy.sync});
    }
  }
}

// Whatever changes what a step depends on.
TEST(Resume, ExactForEveryOption) {
  GanOptions options = small_options();
  options.discriminator_lr = 0.001;
  options.schedule = {Decay::kCosine, 7};
  options.ema = 0.9;
  expect_exact(options, 2, SmallPictures(203),
               {.epochs = 3,
                .batch_size = 5,
                .accumulate = 3,
                .d_steps = 2,
                .clip_norm = 0.1,
                .sharding = make_sharding("reshuffle", options.seed),
                .gradient_norms = 2});
}

struct Trained {
  const char *model, *d_norm;
  bool penalised;  // D is a network that can be
};

constexpr Trained kModels[] = {{"mlp", "none", true},
                               {"dcgan", "batch", false},
                               {"dcgan", "none", true},
                               {"sngan", "spectral", false}};

// Spectral norms keep vectors, conditional batch norms statistics of each class.
void expect_exact_for_every_objective(const Trained& trained, bool conditional, int workers) {
  const Shapes pictures(12 * workers);
  for (const char* const loss : {"bce", "hinge", "lsgan", "wgan-gp", "r1"}) {
    const bool r1 = std::string(loss) == "r1", penalty = r1 || std::string(loss) == "wgan-gp";
    if (penalty && !trained.penalised) continue;
    SCOPED_TRACE(std::string(loss) + " of " + trained.model + ", D's norm " + trained.d_norm +
                 (conditional ? ", conditional" : "") + ", workers: " + std::to_string(workers));
    GanOptions gan;
    gan.model = make_spec(trained.model, 4, {3, 32, 32}, 0.02, trained.d_norm);
    if (conditional) gan.model.classes = pictures.class_names();
    gan.objective =
        r1 ? make_objective("bce", 0, {.r1 = 0.5, .r1_every = 3}) : make_objective(loss, 0);
    gan.ema = 0.9;
    expect_exact(gan, workers, pictures,
                 {.epochs = 3,
                  .batch_size = 4,
                  .augmentation = make_augmentation("color,translation,cutout"),
                  .sync = {.unit = SyncUnit::kSteps, .interval = 2}},
                 {4});
  }
}

TEST(Resume, ExactForEveryModelObjectiveAndNumberOfWorkers) {
  for (const Trained& trained : kModels) {
    for (const bool conditional : {false, true}) {
      for (const int workers : {1, 2, 4}) {
        expect_exact_for_every_objective(trained, conditional, workers);
      }
    }
  }
}

TEST(Resume, ExactWithTheMinibatchStandardDeviation) {
  for (const char* const model : {"dcgan", "sngan"}) {
    GanOptions gan;
    gan.model = make_spec(model, 4, {3, 32, 32}, 0.02);
    gan.model.minibatch_stddev = true;
    expect_exact(gan, 2, Shapes(24),
                 {.epochs = 3, .batch_size = 4, .sync = {.unit = SyncUnit::kSteps, .interval = 2}},
                 {4});
  }
}

// Moments are rounded at random, by keys of their own; an average of them must round alike.
TEST(Resume, ExactInBfloat16ForEveryModelAndNumberOfWorkers) {
  for (const Trained& trained : kModels) {
    for (const int workers : {1, 2, 4}) {
      SCOPED_TRACE(std::string(trained.model) + ", D's norm " + trained.d_norm +
                   ", workers: " + std::to_string(workers));
      GanOptions gan;
      gan.model = make_spec(trained.model, 4, {3, 32, 32}, 0.02, trained.d_norm);
      gan.precision = Precision::kBfloat16;
      expect_exact(
          gan, workers, Shapes(12 * workers),
          {.epochs = 3,
           .batch_size = 4,
           .sync = {.unit = SyncUnit::kSteps, .interval = 2, .moments = MomentSync::kAverage}},
          {4});
    }
  }
}

// Also what a failed step leaves is a part of the state: the last average, and how many there were.
TEST(Resume, ExactForAWorkerThatFailsNowAndThen) {
  expect_exact(small_options(), 2, testing::PicturesWithABadOne(103, 77),
               {.epochs = 4,
                .batch_size = 10,
                .sync = {.unit = SyncUnit::kSteps, .interval = 3},
                .max_failures = 4});
}

TEST(Resume, ARunsRecordsGoOnAndItsCheckpointsAreInItsFolder) {
  const testing::TempDir dir;
  const auto run = [&](std::int64_t epochs, bool resume) {
    CollectorOptions records;
    records.runs_dir = dir.path();
    records.job_id = "a";
    records.resume = resume;
    Collector collector(records);
    GanTrainer trainer(small_options(), 1);
    TrainOptions options{.epochs = epochs, .batch_size = 10, .collector = &collector};
    options.checkpoints = {.every_epochs = 1, .resume = resume};
    trainer.train(SmallPictures(40), options);
  };
  run(1, false);
  const fs::path events = dir.path() / "a" / "events.jsonl";
  std::ofstream(events, std::ios::app) << R"({"v":1,"type":"met)";  // its process died here
  run(2, true);
  std::vector<std::string> types;
  std::ifstream file(events);
  for (std::string line; std::getline(file, line);) {
    const auto record = nlohmann::json::parse(line);
    const std::string type = record.at("type");
    if (type == "checkpoint" || type == "resumed") {
      EXPECT_TRUE(fs::exists(dir.path() / "a" / record.at("path").get<std::string>() / "manifest"));
    }
    if (type != "metrics" && type != "worker" && type != "worker_epoch" && type != "sync" &&
        type != "samples") {
      types.push_back(type);
    }
  }
  EXPECT_EQ(types, (std::vector<std::string>{"run_started", "checkpoint", "epoch", "run_ended",
                                             "run_started", "resumed", "epoch", "checkpoint",
                                             "epoch", "run_ended"}));
}

}  // namespace
}  // namespace miniray
