// CIFAR-100, MNIST and Fashion-MNIST by files made by hand, and the real ones where they are.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>
#include <set>

#include "engine/file.h"
#include "gan/data/cifar100.h"
#include "gan/data/mnist.h"
#include "gan/data/open_dataset.h"
#include "support/expect_error.h"
#include "support/idx_bytes.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::gzip_bytes;
using testing::idx_bytes;

std::vector<std::uint8_t> picture_of(const Dataset& dataset, std::int64_t index) {
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(dataset.sample_shape().elements()));
  dataset.copy_sample(index, picture);
  return picture;
}

// --- CIFAR-100 ---------------------------------------------------------------------------------

constexpr std::int64_t kRecord = 3074;

std::string hundred_names() {
  std::string names;
  for (int i = 0; i < 100; ++i) names += "class_" + std::to_string(i) + "\n";
  return names;
}

// Black pictures whose labels are 0 but for what is poked into the files.
fs::path make_cifar100(const fs::path& folder) {
  fs::create_directories(folder);
  for (const auto& [name, records] : {std::pair("train.bin", 50'000), {"test.bin", 10'000}}) {
    std::ofstream(folder / name).close();
    fs::resize_file(folder / name, static_cast<std::uintmax_t>(records * kRecord));
  }
  write_file(folder / "fine_label_names.txt", hundred_names());
  return folder;
}

void poke(const fs::path& file, std::int64_t at, int byte) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(at);
  stream.put(static_cast<char>(byte));
}

TEST(Cifar100, ClassesAreTheFineLabels) {
  const testing::TempDir dir;
  const fs::path folder = make_cifar100(dir.path() / "cifar-100-binary");
  poke(folder / "train.bin", 123 * kRecord, 19);
  poke(folder / "train.bin", 123 * kRecord + 1, 99);
  poke(folder / "train.bin", 123 * kRecord + 2 + 2048 + 5, 77);  // the sixth value of blue
  poke(folder / "test.bin", 9'999 * kRecord + 1, 42);
  for (const fs::path& data_dir : {dir.path(), folder}) {
    const Cifar100 train(data_dir, Split::kTrain);
    EXPECT_EQ(train.size(), 50'000);
    EXPECT_EQ(train.label(123), 99);
    EXPECT_EQ(train.label(122), 0);
    EXPECT_EQ(train.class_names().at(99), "class_99");
    std::vector<std::uint8_t> expected(3072);
    expected[2048 + 5] = 77;
    EXPECT_EQ(picture_of(train, 123), expected);
  }
  const Cifar100 test(dir.path(), Split::kTest);
  EXPECT_EQ(test.size(), 10'000);
  EXPECT_EQ(test.label(9'999), 42);
}

TEST(Cifar100, NamesTheFileThatIsWrong) {
  const testing::TempDir dir;
  const auto open = [&] { Cifar100 dataset(dir.path(), Split::kTrain); };
  expect_error(ErrorKind::kNotFound, "train.bin is missing", open);
  make_cifar100(dir.path());
  fs::resize_file(dir.path() / "train.bin", 50'000 * kRecord - 1);
  expect_error(ErrorKind::kCorrupt, "train.bin' has 153699999 bytes", open);
  make_cifar100(dir.path());
  poke(dir.path() / "train.bin", 49'999 * kRecord + 1, 100);
  expect_error(ErrorKind::kCorrupt, "record 49999 the label 100", open);
  make_cifar100(dir.path());
  poke(dir.path() / "train.bin", 3 * kRecord, 20);
  expect_error(ErrorKind::kCorrupt, "record 3 the label 20", open);
  make_cifar100(dir.path());
  write_file(dir.path() / "fine_label_names.txt", hundred_names() + "class_0\n");
  expect_error(ErrorKind::kCorrupt, "fine_label_names.txt' has 101 names, 100", open);
  fs::remove(dir.path() / "fine_label_names.txt");
  expect_error(ErrorKind::kNotFound, "fine_label_names.txt", open);
}

// --- IDX ---------------------------------------------------------------------------------------

IdxArray parse(const std::string& bytes) {
  return parse_idx({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                   "some file");
}

TEST(Idx, ReadsExtentsAndValues) {
  const std::string bytes = idx_bytes({2, 3}, "abcdef");
  const IdxArray array = parse(bytes);
  EXPECT_EQ(array.shape, (Shape{2, 3}));
  EXPECT_EQ(std::string(array.values.begin(), array.values.end()), "abcdef");
}

TEST(Idx, RefusesWhatIsNone) {
  const std::string good = idx_bytes({2, 3}, "abcdef");
  const auto refused = [](const std::string& message, const std::string& bytes) {
    expect_error(ErrorKind::kCorrupt, message, [&] { parse(bytes); });
    expect_error(ErrorKind::kCorrupt, "'some file'", [&] { parse(bytes); });
  };
  refused("no IDX file", "");
  refused("no IDX file", std::string(3, '\0'));
  refused("no IDX file", "\x1f\x8b" + good);
  std::string floats = good;
  floats[2] = 13;
  refused("type 13", floats);
  refused("0 extents", idx_bytes({}, "a"));
  refused("5 extents", idx_bytes({1, 1, 1, 1, 1}, "a"));
  refused("within its header", good.substr(0, 11));
  refused("holds 5 values; its header says 2x3", good.substr(0, good.size() - 1));
  refused("holds 7 values", good + "g");
  refused("no or too many", idx_bytes({0, 3}, ""));
  refused("no or too many", idx_bytes({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "a"));
}

TEST(Idx, InflatesGzip) {
  const auto inflate = [](const std::string& bytes, std::int64_t max_bytes = 1'000'000) {
    return inflate_gzip({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                        max_bytes, "some.gz");
  };
  const std::string contents = std::string(100'000, 'x') + "end";
  const std::string good = gzip_bytes(contents);
  const auto inflated = inflate(good);
  EXPECT_EQ(std::string(inflated.begin(), inflated.end()), contents);
  std::string damaged = good;
  damaged[50] = 'y';
  for (const std::string& bad : {std::string(), damaged, good.substr(0, good.size() / 2),
                                 good.substr(0, good.size() - 1), good + "rest", contents}) {
    expect_error(ErrorKind::kCorrupt, "some.gz", [&] { inflate(bad); });
  }
  expect_error(ErrorKind::kCorrupt, "too large", [&] { inflate(good, 1'000); });
}

// --- MNIST -------------------------------------------------------------------------------------

// Pictures whose pixel k is 10 i + k, in all 256 values.
std::string numbered_pictures(int count) {
  std::string values;
  for (int i = 0; i < count; ++i) {
    for (int k = 0; k < 784; ++k) values += static_cast<char>(10 * i + k);
  }
  return values;
}

struct MnistFiles {
  std::string images = idx_bytes({3, 28, 28}, numbered_pictures(3));
  std::string labels = idx_bytes({3}, std::string("\x07\x00\x09", 3));
};

void write_mnist(const fs::path& folder, const MnistFiles& files, bool gzipped = false) {
  fs::create_directories(folder);
  const auto put = [&](const std::string& name, const std::string& bytes) {
    if (gzipped) return write_file(folder / (name + ".gz"), gzip_bytes(bytes));
    write_file(folder / name, bytes);
  };
  put("train-images-idx3-ubyte", files.images);
  put("train-labels-idx1-ubyte", files.labels);
}

TEST(Mnist, FindsItsFilesPlainOrGzipped) {
  const auto open = [](const fs::path& data_dir, Mnist::Kind kind) {
    const Mnist mnist(kind, data_dir, Split::kTrain, 28);
    EXPECT_EQ(mnist.sample_shape(), (Shape{1, 28, 28}));
    ASSERT_EQ(mnist.size(), 3);
    EXPECT_EQ(mnist.label(0), 7);
    EXPECT_EQ(mnist.label(2), 9);
    std::vector<std::uint8_t> expected(784);
    std::iota(expected.begin(), expected.end(), std::uint8_t{20});
    EXPECT_EQ(picture_of(mnist, 2), expected);
  };
  for (const bool gzipped : {false, true}) {
    for (const char* folder : {"mnist", "MNIST/raw", "."}) {
      const testing::TempDir dir;
      write_mnist(dir.path() / folder, {}, gzipped);
      open(dir.path(), Mnist::Kind::kDigits);
    }
    for (const char* folder : {"fashion-mnist", "FashionMNIST/raw", "."}) {
      const testing::TempDir dir;
      write_mnist(dir.path() / folder, {}, gzipped);
      open(dir.path(), Mnist::Kind::kFashion);
    }
  }
}

TEST(Mnist, ClassesHaveTheirNames) {
  const testing::TempDir dir;
  write_mnist(dir.path(), {});
  const Mnist digits(Mnist::Kind::kDigits, dir.path(), Split::kTrain, 32);
  EXPECT_EQ(digits.name(), "mnist");
  EXPECT_EQ(digits.class_names().at(7), "7");
  const Mnist fashion(Mnist::Kind::kFashion, dir.path(), Split::kTrain, 32);
  EXPECT_EQ(fashion.name(), "fashion-mnist");
  EXPECT_EQ(fashion.class_names().at(9), "Ankle boot");
}

TEST(Mnist, IsPaddedWithBlackOnAllSides) {
  const testing::TempDir dir;
  write_mnist(dir.path(), {});
  const Mnist plain(Mnist::Kind::kDigits, dir.path(), Split::kTrain, 28);
  for (const std::int64_t side : {28, 29, 32, 64}) {
    const Mnist padded(Mnist::Kind::kDigits, dir.path(), Split::kTrain, side);
    EXPECT_EQ(padded.sample_shape(), (Shape{1, side, side}));
    std::vector<std::uint8_t> picture(static_cast<std::size_t>(side * side), 255);
    padded.copy_sample(1, picture);
    const auto inner = picture_of(plain, 1);
    const std::int64_t margin = (side - 28) / 2;
    for (std::int64_t y = 0; y < side; ++y) {
      for (std::int64_t x = 0; x < side; ++x) {
        const std::int64_t u = x - margin, v = y - margin;
        const bool inside = u >= 0 && u < 28 && v >= 0 && v < 28;
        ASSERT_EQ(picture[static_cast<std::size_t>(y * side + x)],
                  inside ? inner[static_cast<std::size_t>(v * 28 + u)] : 0);
      }
    }
  }
  expect_error(ErrorKind::kInvalidArgument, "28 pixels a side, not 27",
               [&] { Mnist(Mnist::Kind::kDigits, dir.path(), Split::kTrain, 27); });
}

TEST(Mnist, NamesTheFileThatIsWrong) {
  const testing::TempDir dir;
  const auto open = [&] { Mnist(Mnist::Kind::kDigits, dir.path(), Split::kTrain, 32); };
  expect_error(ErrorKind::kNotFound, "mnist/train-images-idx3-ubyte is missing", open);
  const auto refused = [&](const std::string& message, const MnistFiles& files) {
    write_mnist(dir.path(), files);
    expect_error(ErrorKind::kCorrupt, message, open);
  };
  const MnistFiles good;
  refused("train-images-idx3-ubyte' holds an array of 3x28x27",
          {.images = idx_bytes({3, 28, 27}, std::string(3 * 28 * 27, 'x')), .labels = good.labels});
  refused("train-images-idx3-ubyte' holds an array of 3",
          {.images = good.labels, .labels = good.labels});
  refused("train-labels-idx1-ubyte' holds an array of 2 labels; there are 3 pictures",
          {.images = good.images, .labels = idx_bytes({2}, "\x01\x02")});
  refused("train-labels-idx1-ubyte' gives picture 1 the label 10",
          {.images = good.images, .labels = idx_bytes({3}, "\x01\x0a\x02")});
  refused("train-images-idx3-ubyte' holds 2351 values",
          {.images = good.images.substr(0, good.images.size() - 1), .labels = good.labels});
  write_mnist(dir.path(), good);
  fs::remove(dir.path() / "train-labels-idx1-ubyte");
  expect_error(ErrorKind::kNotFound, "train-labels-idx1-ubyte", open);
}

// Runs where Debian's package dataset-fashion-mnist is installed: found without a data_dir.
TEST(Mnist, RealFashionHasTheKnownMean) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")) {
    GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  }
  const testing::TempDir empty;
  const auto check = [&](Split split, std::int64_t size) {
    const Mnist fashion(Mnist::Kind::kFashion, empty.path(), split, 28);
    ASSERT_EQ(fashion.size(), size);
    std::vector<std::int64_t> per_class(10);
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      ++per_class[static_cast<std::size_t>(fashion.label(i))];
      for (const double value : picture_of(fashion, i)) {
        sum += value;
        squares += value * value;
      }
    }
    EXPECT_EQ(per_class, std::vector<std::int64_t>(10, size / 10));
    if (split == Split::kTest) return;
    // Mean and standard deviation of the training set that are in common use: 0.2860, 0.3530.
    const double count = static_cast<double>(size) * 784;
    const double mean = sum / count;
    EXPECT_NEAR(mean / 255, 0.2860, 0.0001);
    EXPECT_NEAR(std::sqrt(squares / count - mean * mean) / 255, 0.3530, 0.0001);
  };
  check(Split::kTrain, 60'000);
  check(Split::kTest, 10'000);
}

// --- by name -----------------------------------------------------------------------------------

TEST(OpenDataset, ShapesAreKnownWithoutFiles) {
  const auto shape = [](const std::string& name, std::int64_t size) {
    return dataset_shape({.name = name, .data_dir = "nowhere", .image_size = size});
  };
  for (const char* name : {"cifar10", "cifar100", "shapes"}) {
    EXPECT_EQ(shape(name, 32), (Shape{3, 32, 32}));
    expect_error(ErrorKind::kInvalidArgument, "32 pixels a side, not 64", [&] { shape(name, 64); });
  }
  EXPECT_EQ(shape("mnist", 32), (Shape{1, 32, 32}));
  EXPECT_EQ(shape("fashion-mnist", 28), (Shape{1, 28, 28}));
  expect_error(ErrorKind::kInvalidArgument, "28 to 1024 pixels", [&] { shape("mnist", 27); });
  expect_error(ErrorKind::kInvalidArgument, "cifar10, cifar100, mnist, fashion-mnist",
               [&] { shape("cifar", 32); });
}

TEST(OpenDataset, OpensWhatTheNameSays) {
  const testing::TempDir dir;
  write_mnist(dir.path() / "mnist", {});
  make_cifar100(dir.path() / "cifar-100-binary");
  for (const char* name : {"mnist", "cifar100", "shapes"}) {
    const DatasetOptions options{.name = name, .data_dir = dir.path()};
    const auto dataset = open_dataset(options);
    EXPECT_EQ(dataset->name(), name);
    EXPECT_EQ(dataset->sample_shape(), dataset_shape(options));
  }
}

}  // namespace
}  // namespace miniray
