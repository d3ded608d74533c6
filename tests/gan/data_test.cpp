// Data sets and the batches made of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>

#include "gan/data/batch.h"
#include "gan/data/cifar10.h"
#include "gan/data/shapes.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;

constexpr std::int64_t kFileBytes = 30'730'000;
constexpr std::int64_t kRecord = 3073;

// Files of the official size, all zero but for what is poked into them.
void make_cifar(const fs::path& folder) {
  fs::create_directories(folder);
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
    std::ofstream(folder / name).close();
    fs::resize_file(folder / name, kFileBytes);
  }
}

void poke(const fs::path& file, std::int64_t at, int byte) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(at);
  stream.put(static_cast<char>(byte));
}

TEST(Cifar10, FindsRecordsAcrossFiles) {
  const testing::TempDir dir;
  const fs::path folder = dir.path() / "cifar-10-batches-bin";
  make_cifar(folder);
  poke(folder / "data_batch_3.bin", 17 * kRecord, 9);               // picture 20,017: its label
  poke(folder / "data_batch_3.bin", 17 * kRecord + 1 + 1024, 200);  // first value of green
  poke(folder / "test_batch.bin", 9999 * kRecord + 3072, 7);
  for (const fs::path& data_dir : {dir.path(), folder}) {
    const Cifar10 train(data_dir, Cifar10::Split::kTrain);
    EXPECT_EQ(train.size(), 50'000);
    EXPECT_EQ(train.label(20'017), 9);
    EXPECT_EQ(train.class_names().at(9), "truck");
    std::vector<std::uint8_t> picture(3072);
    train.copy_sample(20'017, picture);
    EXPECT_EQ(picture[1024], 200);
    EXPECT_EQ(std::count(picture.begin(), picture.end(), 0), 3071);
  }
  const Cifar10 test(dir.path(), Cifar10::Split::kTest);
  EXPECT_EQ(test.size(), 10'000);
  std::vector<std::uint8_t> picture(3072);
  test.copy_sample(9'999, picture);
  EXPECT_EQ(picture[3071], 7);
}

TEST(Cifar10, NamesTheFileThatIsWrong) {
  const testing::TempDir dir;
  const auto open = [&] { Cifar10 dataset(dir.path(), Cifar10::Split::kTrain); };
  expect_error(ErrorKind::kNotFound, dir.path().string(), open);
  make_cifar(dir.path());
  fs::remove(dir.path() / "data_batch_4.bin");
  expect_error(ErrorKind::kNotFound, "data_batch_4.bin", open);
  make_cifar(dir.path());
  fs::resize_file(dir.path() / "data_batch_2.bin", kFileBytes - 1);
  expect_error(ErrorKind::kCorrupt, "data_batch_2.bin", open);
  make_cifar(dir.path());
  poke(dir.path() / "data_batch_5.bin", 9'999 * kRecord, 10);
  expect_error(ErrorKind::kCorrupt, "record 9999 the label 10", open);
}

// Runs where MINIRAY_CIFAR10 names a folder with the real pictures.
TEST(Cifar10, RealPicturesHaveTheKnownMeans) {
  const char* const data_dir = std::getenv("MINIRAY_CIFAR10");
  if (data_dir == nullptr) GTEST_SKIP() << "MINIRAY_CIFAR10 names no folder";
  const Cifar10 dataset(data_dir, Cifar10::Split::kTrain);
  std::vector<std::int64_t> per_class(10);
  std::vector<double> mean(3);
  std::vector<std::uint8_t> picture(3072);
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    ++per_class[static_cast<std::size_t>(dataset.label(i))];
    dataset.copy_sample(i, picture);
    for (std::size_t k = 0; k < 3072; ++k) mean[k / 1024] += picture[k];
  }
  for (const std::int64_t count : per_class) EXPECT_EQ(count, 5'000);
  // The means of the training set that are in common use: 0.4914, 0.4822, 0.4465.
  const double known[] = {0.4914, 0.4822, 0.4465};
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(mean[c] / 50'000 / 1024 / 255, known[c], 0.002);
  }
}

std::vector<std::uint8_t> picture_of(const Dataset& dataset, std::int64_t index) {
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(dataset.sample_shape().elements()));
  dataset.copy_sample(index, picture);
  return picture;
}

TEST(Shapes, SeedAndNumberDecideThePicture) {
  const Shapes a(100, 1), b(1000, 1), other(100, 2);
  EXPECT_EQ(picture_of(a, 7), picture_of(b, 7));
  EXPECT_NE(picture_of(a, 7), picture_of(other, 7));
  std::set<std::string> distinct;
  for (std::int64_t i = 0; i < 100; ++i) {
    const auto picture = picture_of(a, i);
    distinct.emplace(picture.begin(), picture.end());
  }
  EXPECT_EQ(distinct.size(), 100U);
}

TEST(Shapes, EveryClassIsSeenAsOften) {
  const Shapes shapes(1000);
  std::vector<int> counts(shapes.class_names().size());
  for (std::int64_t i = 0; i < 1000; ++i) ++counts[static_cast<std::size_t>(shapes.label(i))];
  EXPECT_EQ(counts, std::vector<int>(10, 100));
}

// A figure stands out: some pixel differs clearly from the picture's corners.
TEST(Shapes, TheFigureCanBeSeen) {
  const Shapes shapes(500);
  for (std::int64_t i = 0; i < 500; ++i) {
    const auto picture = picture_of(shapes, i);
    int contrast = 0;
    for (std::size_t y = 0; y < 32; ++y) {
      for (std::size_t x = 0; x < 32; ++x) {
        int difference = 0;
        for (std::size_t c = 0; c < 3; ++c) {
          const std::size_t plane = c * 1024;
          const int corner = std::min(picture[plane + y * 32], picture[plane + y * 32 + 31]);
          difference += std::abs(picture[plane + y * 32 + x] - corner);
        }
        contrast = std::max(contrast, difference);
      }
    }
    EXPECT_GT(contrast, 60) << "picture " << i;
  }
}

TEST(Shapes, RefusesNoPictures) {
  expect_error(ErrorKind::kInvalidArgument, "shapes", [] { Shapes shapes(0); });
}

// Pictures of 1 x 2 x 3 values: their number in each.
class Numbered final : public Dataset {
 public:
  std::string name() const override { return "numbered"; }
  std::int64_t size() const override { return 50; }
  Shape sample_shape() const override { return {1, 2, 3}; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int label(std::int64_t) const override { return 0; }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    for (std::size_t k = 0; k < chw.size(); ++k) {
      chw[k] = static_cast<std::uint8_t>(5 * static_cast<std::size_t>(index) + k);
    }
  }

 private:
  std::vector<std::string> names_{"all"};
};

TEST(FillBatch, ScalesToTheRangeOfTanh) {
  const std::vector<std::uint32_t> indices{0, 50, 51};
  std::vector<float> batch(18);
  fill_batch(ThreadBudget(1), Numbered(), indices, Flip::kNever, {}, 0, batch);
  EXPECT_FLOAT_EQ(batch[0], -1);
  EXPECT_FLOAT_EQ(batch[6 + 5], 1);  // 250 + 5
  EXPECT_FLOAT_EQ(batch[1], static_cast<float>(1 / 127.5 - 1));
}

TEST(FillBatch, FlipsAboutHalfLeftToRight) {
  std::vector<std::uint32_t> indices(2000);
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::uint32_t>(i % 50);
  std::vector<float> plain(6 * 2000), flipped(6 * 2000), again(6 * 2000);
  const RandomKey key{.seed = 1, .purpose = RandomPurpose::kFlip, .step = 3};
  fill_batch(ThreadBudget(1), Numbered(), indices, Flip::kNever, key, 0, plain);
  fill_batch(ThreadBudget(1), Numbered(), indices, Flip::kRandom, key, 0, flipped);
  fill_batch(ThreadBudget(3), Numbered(), indices, Flip::kRandom, key, 0, again);
  EXPECT_EQ(flipped, again);
  int mirrored = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const float* const p = &plain[6 * i];
    const float* const f = &flipped[6 * i];
    const std::vector<float> same(p, p + 6), mirror{p[2], p[1], p[0], p[5], p[4], p[3]};
    const std::vector<float> found(f, f + 6);
    ASSERT_TRUE(found == same || found == mirror);
    mirrored += found == mirror ? 1 : 0;
  }
  EXPECT_NEAR(mirrored, 1000, 5 * std::sqrt(500.0));
}

TEST(EpochOrder, IsAPermutationOfTheShardAndChangesWithEpochAndRank) {
  const std::vector<std::uint32_t> shard{5, 9, 100, 7, 3, 8, 12, 40};
  const auto a = epoch_order(shard, 1, 0, 1);
  EXPECT_EQ(a, epoch_order(shard, 1, 0, 1));
  EXPECT_TRUE(std::is_permutation(a.begin(), a.end(), shard.begin()));
  EXPECT_NE(a, epoch_order(shard, 1, 0, 2));
  EXPECT_NE(a, epoch_order(shard, 1, 1, 1));
}

}  // namespace
}  // namespace miniray
