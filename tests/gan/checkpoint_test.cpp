// Checkpoints: which are kept and taken, and what is refused.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>

#include "engine/file.h"
#include "gan/state_file.h"
#include "gan/trainer.h"
#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"
#include "support/trained_numbers.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::numbers_of;
using testing::small_options;
using testing::SmallPictures;
using Kind = CheckpointReport::Kind;

class Checkpoints : public ::testing::Test {
 protected:
  TrainOptions options(std::int64_t epochs = 4) {
    TrainOptions options{.epochs = epochs, .batch_size = 10};
    options.checkpoints = {.folder = dir_.path() / "checkpoints",
                           .every_epochs = 1,
                           .told = [this](const auto& report) { told_.push_back(report); }};
    return options;
  }
  TrainOptions resumed(std::int64_t epochs = 4) {
    TrainOptions options = this->options(epochs);
    options.checkpoints.resume = true;
    return options;
  }
  std::vector<float> train(const TrainOptions& options, int workers = 2) {
    DistributedGanTrainer trainer(small_options(), {.num_workers = workers});
    trainer.train(pictures_, options);
    return numbers_of(trainer);
  }
  std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(std::ranges::count(told_, kind, &CheckpointReport::kind));
  }
  CheckpointFolder folder() const { return CheckpointFolder(dir_.path() / "checkpoints"); }

  const testing::TempDir dir_;
  const SmallPictures pictures_{53};
  std::vector<CheckpointReport> told_;
};

TEST_F(Checkpoints, TheLastOnesAndTheBestAreKept) {
  TrainOptions options = this->options(3);
  options.checkpoints.keep = 2;
  train(options);
  EXPECT_EQ(folder().names(), (std::vector<std::string>{"checkpoint_00003", "checkpoint_00002"}));
  folder().mark_best("checkpoint_00002");
  // What a process that died left.
  folder().make("checkpoint_00004");
  write_file(folder().rank_file("checkpoint_00004", 0), std::string("half"));
  options.epochs = 6;
  options.checkpoints.resume = true;
  train(options);
  EXPECT_EQ(folder().names(),
            (std::vector<std::string>{"checkpoint_00007", "checkpoint_00006", "checkpoint_00002"}));
  EXPECT_FALSE(fs::exists(folder().path() / "checkpoint_00004"));
  EXPECT_EQ(folder().manifest("checkpoint_00007").step, 6 * 3);
  EXPECT_EQ(folder().manifest("checkpoint_00007").world_size(), 2);
}

TEST_F(Checkpoints, AFinishedTrainingGoesOnToMoreEpochs) {
  train(options(2));
  EXPECT_TRUE(train(resumed(4)) == train({.epochs = 4, .batch_size = 10}));
  EXPECT_EQ(count(Kind::kResumed), 1U);
  expect_error(ErrorKind::kInvalidArgument, "in epoch 4 already", [&] { train(resumed(3)); });
}

TEST_F(Checkpoints, ByTheClockAlsoInTheMiddleOfAnEpoch) {
  TrainOptions options = this->options(2);
  options.checkpoints.every_epochs = 0;
  options.checkpoints.every = std::chrono::seconds(0);
  train(options);
  EXPECT_GE(count(Kind::kSaved), 6U);  // 3 steps an epoch; some steps of the ranks may share one
  fs::remove_all(folder().path() / folder().names().front());
  EXPECT_LT(folder().manifest(folder().names().front()).step, 6);
  options.checkpoints.resume = true;
  EXPECT_TRUE(train(options) == train({.epochs = 2, .batch_size = 10}));
}

TEST_F(Checkpoints, NoneIsSavedUnlessAskedFor) {
  TrainOptions options = this->options();
  options.checkpoints.every_epochs = 0;
  train(options);
  EXPECT_TRUE(told_.empty());
  EXPECT_FALSE(fs::exists(folder().path()));
}

TEST_F(Checkpoints, ADamagedOneIsPassedOver) {
  const auto whole = train(options());
  fs::resize_file(folder().rank_file("checkpoint_00004", 1), 5000);
  fs::remove(folder().rank_file("checkpoint_00003", 0));
  EXPECT_TRUE(train(resumed()) == whole);
  EXPECT_EQ(count(Kind::kDamaged), 2U);
  EXPECT_NE(told_[4].message.find("checkpoint_00004/rank_0001"), std::string::npos);
  EXPECT_EQ(told_[6].kind, Kind::kResumed);
  EXPECT_EQ(told_[6].path.filename(), "checkpoint_00002");
  for (const std::string& name : folder().names()) fs::remove(folder().rank_file(name, 1));
  expect_error(ErrorKind::kNotFound, "is whole any more", [&] { train(resumed()); });
}

TEST_F(Checkpoints, WhereThereIsNoneTrainingBegins) {
  EXPECT_TRUE(train(resumed()) == train({.epochs = 4, .batch_size = 10}));
}

TEST_F(Checkpoints, WhatCannotBeWrittenIsToldAndTheOldOnesStay) {
  train(options(2));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{10'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto trained = train(resumed(4));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(count(Kind::kNotSaved), 2U);
  EXPECT_NE(told_.back().message.find("rank_0000"), std::string::npos);
  EXPECT_EQ(folder().names(), (std::vector<std::string>{"checkpoint_00002", "checkpoint_00001"}));
  EXPECT_FALSE(fs::exists(folder().path() / "checkpoint_00003"));
  EXPECT_TRUE(trained == train({.epochs = 4, .batch_size = 10}));
}

TEST_F(Checkpoints, RefusesWhatDoesNotFit) {
  const auto kind = ErrorKind::kInvalidArgument;
  TrainOptions options = this->options(1);
  options.checkpoints.data = "these pictures";
  train(options);
  expect_error(kind, "the data set is not the one", [&] { train(resumed()); });
  options.checkpoints.folder.clear();
  expect_error(kind, "need a folder", [&] { train(options); });
  options.checkpoints = {.folder = dir_.path(), .every_epochs = -1};
  expect_error(kind, "below 0", [&] { train(options); });
  options.checkpoints = {.folder = dir_.path(), .keep = 0};
  expect_error(kind, "at least 1", [&] { train(options); });
}

// Of every bit of a manifest, each alone.
TEST(Manifest, EveryChangedBitIsFound) {
  const Manifest manifest{.epoch = 3, .step = 17, .data = "pictures", .digests = {"aa", "bb"}};
  const std::string text = manifest.text();
  const Manifest read = Manifest::parse(text, "m");
  EXPECT_EQ(read.epoch, 3);
  EXPECT_EQ(read.step, 17);
  EXPECT_EQ(read.data, "pictures");
  EXPECT_EQ(read.digests, manifest.digests);
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_THROW(Manifest::parse(damaged, "m"), Error) << bit;
  }
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_THROW(Manifest::parse(text.substr(0, size), "m"), Error) << size;
  }
}

struct SmallState {
  std::vector<float> a = testing::random_values<float>(6, 1), b{7};
  std::int64_t steps = 1;
  double loss = 0.1;

  StateFields fields() {
    StateFields fields;
    fields.add("a", a);
    fields.add("b", b);
    fields.add("steps", steps);
    fields.add("loss", loss);
    return fields;
  }
};

TEST(StateFile, EveryBitComesBack) {
  const testing::TempDir dir;
  SmallState saved, read;
  saved.steps = -(std::int64_t{1} << 62) - 1;
  saved.loss = 1.0 / 3 * 1e-300;
  saved.a[0] = -0.0F;
  saved.a[1] = 1e-44F;
  const std::string digest = write_state(dir.path() / "s", saved.fields());
  const StateFile file(dir.path() / "s", digest);
  file.check(read.fields());
  file.copy_to(read.fields());
  EXPECT_EQ(read.a, saved.a);
  EXPECT_TRUE(std::signbit(read.a[0]));
  EXPECT_EQ(read.steps, saved.steps);
  EXPECT_EQ(read.loss, saved.loss);
}

TEST(StateFile, RefusesOtherFieldsOtherFilesAndNumbersThatAreNotFinite) {
  const testing::TempDir dir;
  const fs::path path = dir.path() / "s";
  SmallState state;
  const std::string digest = write_state(path, state.fields());
  StateFields more = state.fields(), less;
  std::vector<float> c(3);
  more.add("c", c);
  less.add("a", state.a);
  expect_error(ErrorKind::kCorrupt, "'c'", [&] { StateFile(path, digest).check(more); });
  expect_error(ErrorKind::kCorrupt, "more than", [&] { StateFile(path, digest).check(less); });
  state.a.push_back(1);
  expect_error(ErrorKind::kCorrupt, "7 would",
               [&] { StateFile(path, digest).check(state.fields()); });
  write_state(path, state.fields());
  expect_error(ErrorKind::kCorrupt, "not the file", [&] { StateFile(path, digest); });
  state.b[0] = std::numeric_limits<float>::infinity();
  expect_error(ErrorKind::kDiverged, "b holds", [&] { write_state(path, state.fields()); });
}

TEST(StateFile, EveryChangedBitAndEveryShorterFileIsFound) {
  const testing::TempDir dir;
  const fs::path path = dir.path() / "s";
  SmallState state;
  const std::string digest = write_state(path, state.fields());
  const std::string bytes = read_file(path, 1 << 20);
  const auto refused = [&](const std::string& damaged) {
    write_file(path, std::as_bytes(std::span(damaged)), Durability::kBuffered);
    try {
      StateFile file(path, digest);
      return false;
    } catch (const Error&) {
      return true;
    }
  };
  EXPECT_FALSE(refused(bytes));
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(refused(damaged)) << bit;
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(refused(bytes.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace miniray
