// Trees of pictures as a data set, and the cache that they are kept in.
#include "gan/data/folder/picture_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "engine/file.h"
#include "gan/data/cifar10.h"
#include "gan/data/open_dataset.h"
#include "support/bmp_bytes.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::bmp_bytes;
using testing::expect_error;

std::vector<std::uint8_t> picture_of(const Dataset& dataset, std::int64_t index) {
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(dataset.sample_shape().elements()));
  dataset.copy_sample(index, picture);
  return picture;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.insert(entry.path().lexically_relative(folder).string());
  }
  return names;
}

class PictureFolderTest : public ::testing::Test {
 protected:
  PictureFolderTest() { fs::create_directories(root_); }

  void put(const std::string& path, const std::string& bytes) {
    fs::create_directories((root_ / path).parent_path());
    write_file(root_ / path, bytes);
  }
  // A picture whose red is `number`.
  void put_picture(const std::string& path, int number) {
    put(path, bmp_bytes(6, 5, {static_cast<std::uint8_t>(number), 100, 200}));
  }
  void put_pictures(int count) {
    for (int i = 0; i < count; ++i) put_picture("all/" + std::to_string(i) + ".bmp", i);
  }

  std::unique_ptr<Dataset> open(int threads = 2) {
    decoded_ = 0;
    warnings_.clear();
    const Preparation preparation{
        .threads = threads,
        .progress = [&](std::int64_t done, std::int64_t) { decoded_ = done; },
        .warn = [&](const std::string& message) { warnings_.push_back(message); }};
    return open_picture_folder(root_, cache_dir_, 4, preparation);
  }

  // Each picture's class by its red.
  static std::map<int, std::string> classes(const Dataset& dataset) {
    std::map<int, std::string> all;
    for (std::int64_t i = 0; i < dataset.size(); ++i) {
      const auto label = static_cast<std::size_t>(dataset.label(i));
      all[picture_of(dataset, i).front()] = dataset.class_names().at(label);
    }
    return all;
  }

  fs::path cache_path() const { return picture_cache_path(root_, cache_dir_, 4); }

  const testing::TempDir dir_;
  const fs::path root_ = dir_.path() / "pictures", cache_dir_ = dir_.path() / "cache";
  std::int64_t decoded_ = 0;  // by the last open
  std::vector<std::string> warnings_;
};

TEST_F(PictureFolderTest, ClassesAreTheFirstFolders) {
  put_picture("b/1.bmp", 1);
  put_picture("a/deep/down/2.BMP", 2);
  put_picture("a/.hidden.bmp", 3);
  put_picture(".thumbnails/4.bmp", 4);
  put_picture("c-without/notes.txt", 5);
  put_picture("6.Bmp", 6);
  put_picture("a/7.bmp", 7);
  fs::create_directories(root_ / "d.jpg");  // a folder, whatever its name says
  const auto dataset = open();
  EXPECT_EQ(dataset->class_names(), (std::vector<std::string>{".", "a", "b"}));
  const std::map<int, std::string> expected{{1, "b"}, {2, "a"}, {6, "."}, {7, "a"}};
  EXPECT_EQ(classes(*dataset), expected);
  EXPECT_EQ(dataset->name(), "folder:" + root_.string());
  EXPECT_EQ(dataset->sample_shape(), (Shape{3, 4, 4}));
  EXPECT_EQ(warnings_, std::vector<std::string>());
}

TEST_F(PictureFolderTest, ReadsEveryFormatBySizeAndContents) {
  const fs::path source = fs::path(MINIRAY_TEST_DATA) / "pictures";
  int count = 0;
  for (const auto& entry : fs::directory_iterator(source)) {
    if (entry.path().extension() == ".rgb") continue;
    fs::copy_file(entry.path(), root_ / entry.path().filename());
    ++count;
  }
  fs::rename(root_ / "rgb.png", root_ / "rgb.jpeg");  // as one of ImageNet's is named
  EXPECT_EQ(open()->size(), count);
  EXPECT_EQ(warnings_, std::vector<std::string>());
}

TEST_F(PictureFolderTest, TheMiddleIsWhatIsKept) {
  put("a.bmp", bmp_bytes(10, 4, [](int x, int y) {
        return testing::Colour{static_cast<std::uint8_t>(10 * x + y), 1, 2};
      }));
  const auto picture = picture_of(*open(), 0);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      EXPECT_EQ(picture[static_cast<std::size_t>(4 * y + x)], 10 * (x + 3) + y);
    }
  }
}

TEST_F(PictureFolderTest, AShareHasAllClasses) {
  for (int i = 0; i < 100; ++i) {
    put_picture((i < 50 ? "a/" : "b/") + std::to_string(i) + ".bmp", i);
  }
  const auto dataset = open();
  int of_a = 0;
  for (std::int64_t i = 0; i < 50; ++i) of_a += dataset->label(i) == 0 ? 1 : 0;
  EXPECT_NEAR(of_a, 25, 5 * 3.6);  // of a hypergeometric distribution
  EXPECT_EQ(classes(*dataset).size(), 100U);
}

// --- the cache ---------------------------------------------------------------------------------

TEST_F(PictureFolderTest, IsDecodedOnce) {
  put_pictures(20);
  const auto before = names_in(root_);
  const auto first = open();
  EXPECT_EQ(decoded_, 20);
  const auto again = open();
  EXPECT_EQ(decoded_, 0);
  EXPECT_EQ(classes(*again), classes(*first));
  EXPECT_EQ(names_in(root_), before);  // nothing is written there
}

TEST_F(PictureFolderTest, IsDecodedAgainWhereAFileChanges) {
  put_pictures(20);
  open();
  put_picture("all/3.bmp", 200);
  EXPECT_TRUE(classes(*open()).contains(200));
  EXPECT_EQ(decoded_, 20);
  put_picture("all/new.bmp", 201);
  EXPECT_EQ(open()->size(), 21);
  EXPECT_EQ(decoded_, 21);
  fs::remove(root_ / "all/5.bmp");
  EXPECT_EQ(open()->size(), 20);
  fs::rename(root_ / "all", root_ / "other");
  EXPECT_EQ(open()->class_names().front(), "other");
  EXPECT_EQ(warnings_, std::vector<std::string>());
  open();
  EXPECT_EQ(decoded_, 0);
}

TEST_F(PictureFolderTest, EachSizeHasItsOwn) {
  put_pictures(5);
  open();
  const auto larger = open_picture_folder(root_, cache_dir_, 8, {});
  EXPECT_EQ(larger->sample_shape(), (Shape{3, 8, 8}));
  open();
  EXPECT_EQ(decoded_, 0);
}

TEST_F(PictureFolderTest, AnyNumberOfThreadsWritesTheSameBytes) {
  put_pictures(60);
  put("all/x.jpg", read_file(fs::path(MINIRAY_TEST_DATA) / "pictures" / "large.jpg", 1 << 20));
  std::set<std::string> caches;
  for (const int threads : {1, 2, 5}) {
    fs::remove(cache_path());
    open(threads);
    EXPECT_EQ(decoded_, 61);
    caches.insert(read_file(cache_path(), 1 << 20));
  }
  EXPECT_EQ(caches.size(), 1U);
}

TEST_F(PictureFolderTest, ADamagedCacheIsMadeAgain) {
  put_pictures(20);
  open();
  const std::string good = read_file(cache_path(), 1 << 20);
  const auto spoilt = [&](std::size_t at) {
    std::string bytes = good;
    bytes[at] ^= 64;
    return bytes;
  };
  // In a picture, a label, a name, the digest, the number of pictures; cut off; of no length.
  for (const std::string& bad :
       {spoilt(5), spoilt(20 * 48 + 1), spoilt(good.size() - 105), spoilt(good.size() - 90),
        spoilt(good.size() - 32), good.substr(0, good.size() - 1), good + "x", std::string()}) {
    write_file(cache_path(), bad);
    open();
    EXPECT_EQ(decoded_, 20);
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_[0].find(cache_path().string() + "' is damaged"), std::string::npos);
    EXPECT_EQ(read_file(cache_path(), 1 << 20), good);
  }
}

TEST_F(PictureFolderTest, WhatAKilledProcessLeftIsRemoved) {
  put_pictures(3);
  fs::create_directories(cache_dir_);
  write_file(cache_path().string() + ".123.tmp", "half of it");
  open();
  const std::string name = cache_path().filename().string();
  EXPECT_EQ(names_in(cache_dir_), (std::set<std::string>{name, name + ".lock"}));
}

TEST_F(PictureFolderTest, WhereItIsStoppedNothingIsLeft) {
  put_pictures(3);
  const std::atomic<bool> stop = true;
  EXPECT_EQ(open_picture_folder(root_, cache_dir_, 4, {.stop = &stop}), nullptr);
  const std::string name = cache_path().filename().string();
  EXPECT_EQ(names_in(cache_dir_), (std::set<std::string>{name + ".lock"}));
}

TEST_F(PictureFolderTest, TwoThatWantTheSameDecodeItOnce) {
  put_pictures(50);
  std::atomic<int> decodings = 0;
  const auto work = [&] {
    const auto count = [&](std::int64_t done, std::int64_t total) {
      if (done == total) ++decodings;
    };
    EXPECT_EQ(open_picture_folder(root_, cache_dir_, 4, {.threads = 1, .progress = count})->size(),
              50);
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(decodings, 1);
}

// --- pictures that are none --------------------------------------------------------------------

TEST_F(PictureFolderTest, OneInAHundredMayBeCorrupt) {
  put_pictures(198);
  put("all/cut.bmp", bmp_bytes(6, 5, {1, 2, 3}).substr(0, 100));
  put("all/text\n\x1b.jpg", "no picture");
  for (const std::int64_t decoded : {200, 0}) {  // it is told of again where the cache is reused
    EXPECT_EQ(open()->size(), 198);
    EXPECT_EQ(decoded_, decoded);
    ASSERT_EQ(warnings_.size(), 3U);
    EXPECT_NE(warnings_[0].find("'all/cut.bmp': the BMP is cut off"), std::string::npos);
    EXPECT_NE(warnings_[1].find("'all/text??.jpg'"), std::string::npos);
    EXPECT_NE(warnings_[2].find("2 of the 200 pictures"), std::string::npos);
  }
}

TEST_F(PictureFolderTest, MoreThanOneInAHundredIsAnError) {
  put_pictures(197);
  put("all/cut.bmp", bmp_bytes(6, 5, {1, 2, 3}).substr(0, 100));
  put("all/empty.png", "");
  fs::create_symlink("nowhere", root_ / "all" / "link.bmp");
  expect_error(ErrorKind::kCorrupt, "more than 1% of all 200", [&] { open(); });
  expect_error(ErrorKind::kCorrupt, "3 of the first 200", [&] { open(); });
  expect_error(ErrorKind::kCorrupt, "'all/cut.bmp'", [&] { open(); });
  const std::string name = cache_path().filename().string();
  EXPECT_EQ(names_in(cache_dir_), (std::set<std::string>{name + ".lock"}));
}

TEST_F(PictureFolderTest, NamesTheFolderThatIsWrong) {
  expect_error(ErrorKind::kNotFound, root_.string(), [&] { open(); });
  put("notes.txt", "no picture");
  expect_error(ErrorKind::kNotFound, "there is no picture in the folder", [&] { open(); });
  expect_error(ErrorKind::kNotFound, "there is no folder",
               [&] { open_picture_folder(root_ / "missing", cache_dir_, 4, {}); });
  expect_error(ErrorKind::kNotFound, "there is no folder",
               [&] { open_picture_folder(root_ / "notes.txt", cache_dir_, 4, {}); });
  put_pictures(1);
  write_file(dir_.path() / "file", "in the way");
  expect_error(ErrorKind::kIo, "/file",
               [&] { open_picture_folder(root_, dir_.path() / "file" / "below", 4, {}); });
}

TEST_F(PictureFolderTest, FollowsLinksButNotInCircles) {
  put_picture("a/1.bmp", 1);
  fs::create_directory_symlink("../..", root_ / "a" / "up");
  fs::create_directory_symlink("a", root_ / "b");
  EXPECT_EQ(open()->class_names(), (std::vector<std::string>{"a", "b"}));
}

TEST(OpenDataset, OpensFolders) {
  const testing::TempDir dir;
  write_file(dir.path() / "a.bmp", bmp_bytes(40, 40, {1, 2, 3}));
  const std::string name = "folder:" + dir.path().string();
  const DatasetOptions options{.name = name, .data_dir = dir.path() / "cache", .image_size = 16};
  EXPECT_EQ(open_dataset(options)->sample_shape(), (Shape{3, 16, 16}));
  EXPECT_EQ(dataset_shape(options), (Shape{3, 16, 16}));
  EXPECT_EQ(open_dataset(options)->name(), name);
  expect_error(ErrorKind::kInvalidArgument, "folder:DIR",
               [] { dataset_shape({.name = "folder:"}); });
  expect_error(ErrorKind::kInvalidArgument, "4 to 1024 pixels",
               [] { dataset_shape({.name = "folder:x", .image_size = 3}); });
}

// Runs where MINIRAY_CIFAR10 also has the JPEG files that its pictures were made of.
TEST(PictureFolder, RealJpegsAreTheRealPictures) {
  const char* const data_dir = std::getenv("MINIRAY_CIFAR10");
  if (data_dir == nullptr || !fs::exists(fs::path(data_dir) / "cifar10-jpeg")) {
    GTEST_SKIP() << "MINIRAY_CIFAR10 names no folder with cifar10-jpeg";
  }
  const testing::TempDir cache_dir;
  const auto jpegs =
      open_picture_folder(fs::path(data_dir) / "cifar10-jpeg" / "train", cache_dir.path(), 32, {});
  const Cifar10 binary(data_dir, Cifar10::Split::kTrain);
  EXPECT_EQ(jpegs->class_names(), binary.class_names());
  const auto all = [](const Dataset& dataset) {
    std::multiset<std::string> pictures;
    for (std::int64_t i = 0; i < dataset.size(); ++i) {
      const auto picture = picture_of(dataset, i);
      pictures.insert(std::to_string(dataset.label(i)) +
                      sha256_hex(std::as_bytes(std::span(picture))));
    }
    return pictures;
  };
  EXPECT_TRUE(all(*jpegs) == all(binary));
}

}  // namespace
}  // namespace miniray
