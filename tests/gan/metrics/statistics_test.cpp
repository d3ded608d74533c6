// Statistics in files: the community's .npz, ours, and the cache of data sets'.
#include <gtest/gtest.h>
#include <libdeflate.h>

#include <cstring>
#include <memory>

#include "engine/file.h"
#include "gan/data/shapes.h"
#include "gan/metrics/statistics_cache.h"
#include "gan/npy.h"
#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

using testing::expect_error;
using testing::TempDir;

// A network of which only its name and its sizes are asked.
class NamedFeatures final : public FeatureNetwork {
 public:
  explicit NamedFeatures(std::int64_t features, const std::string& identity = std::string(64, 'a'))
      : features_(features), identity_(identity) {}
  std::string suffix() const override { return "-named"; }
  std::string description() const override { return "named"; }
  const std::string& identity() const override { return identity_; }
  std::int64_t features() const override { return features_; }
  std::int64_t classes() const override { return 2; }
  void check_images(const Shape&) const override {}
  std::unique_ptr<FeaturePass> make_pass(const ThreadBudget&) const override { return nullptr; }

 private:
  std::int64_t features_;
  std::string identity_;
};

FeatureStatistics some_statistics() {
  const ThreadBudget threads(1);
  FeatureStatistics statistics;
  statistics.count = 50;
  statistics.kept = testing::random_values<float>(50 * 3, 1);
  MomentsBuilder builder(threads, 3);
  builder.add(statistics.kept);
  statistics.moments = builder.finish();
  return statistics;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

ZipArchive npz(const std::string& mu, const std::string& sigma) {
  return ZipArchive::parse(zip_bytes({{"mu.npy", mu}, {"sigma.npy", sigma}}), "stats");
}

TEST(Zip, GivesBackWhatWasStored) {
  const std::string long_text(100'000, 'x');
  const auto archive = ZipArchive::parse(zip_bytes({{"a", ""}, {"folder/b", long_text}}), "zip");
  EXPECT_EQ(archive.entries(), (std::vector<std::string>{"a", "folder/b"}));
  EXPECT_EQ(archive.extract("a", 10), "");
  EXPECT_EQ(archive.extract("folder/b", 100'000), long_text);
  expect_error(ErrorKind::kCorrupt, "99999 is the most",
               [&] { archive.extract("folder/b", 99'999); });
  expect_error(ErrorKind::kCorrupt, "has no 'c'", [&] { archive.extract("c", 10); });
}

// One entry, its bytes replaced by deflated ones.
std::string deflated(const std::string& text) {
  std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
      libdeflate_alloc_compressor(6), libdeflate_free_compressor);
  std::string packed(text.size() + 100, '\0');
  packed.resize(libdeflate_deflate_compress(compressor.get(), text.data(), text.size(),
                                            packed.data(), packed.size()));
  std::string archive = zip_bytes({{"a", packed}});
  const auto put = [&](std::size_t at, std::uint32_t value) {
    std::memcpy(&archive[at], &value, 4);
  };
  const std::size_t directory = archive.find("PK\x01\x02");
  archive[directory + 10] = 8;
  put(directory + 16, libdeflate_crc32(0, text.data(), text.size()));
  put(directory + 24, static_cast<std::uint32_t>(text.size()));
  return archive;
}

TEST(Zip, Inflates) {
  const std::string text(10'000, 'y');
  EXPECT_LT(deflated(text).size(), 300U);
  EXPECT_EQ(ZipArchive::parse(deflated(text), "zip").extract("a", 20'000), text);
}

TEST(Zip, RefusesDamage) {
  const std::string good = zip_bytes({{"a", "12345"}, {"b", "67890"}});
  const auto parse = [](std::string bytes) {
    ZipArchive::parse(std::move(bytes), "zip").extract("a", 100);
  };
  for (std::size_t size = 0; size < good.size(); ++size) {
    expect_error(ErrorKind::kCorrupt, "'zip'", [&] { parse(good.substr(0, size)); });
  }
  std::string changed = good;
  changed[31] = 'x';  // of the first entry's bytes
  expect_error(ErrorKind::kCorrupt, "does not match its checksum", [&] { parse(changed); });
  expect_error(ErrorKind::kCorrupt, "holds 'a' twice", [&] {
    parse(zip_bytes({{"a", "1"}, {"a", "2"}}));
  });
  changed = good;
  changed[good.find("PK\x01\x02") + 10] = 12;
  expect_error(ErrorKind::kCorrupt, "by method 12", [&] { parse(changed); });
  changed = good;
  changed[good.find("PK\x01\x02") + 8] = 1;
  expect_error(ErrorKind::kCorrupt, "encrypted", [&] { parse(changed); });
}

TEST(Statistics, GoThroughAFile) {
  const TempDir dir;
  const NamedFeatures network(3);
  const FeatureStatistics written = some_statistics();
  write_statistics(dir.path() / "a.npz", written, network, "these pictures");
  const StatisticsFile read = read_statistics(dir.path() / "a.npz", network);
  EXPECT_EQ(read.data, "these pictures");
  EXPECT_EQ(read.statistics.count, 50);
  EXPECT_EQ(read.statistics.kept, written.kept);
  EXPECT_EQ(read.statistics.moments->count, 50);
  EXPECT_EQ(read.statistics.moments->mean, written.moments->mean);
  EXPECT_EQ(read.statistics.moments->covariance, written.moments->covariance);
}

TEST(Statistics, OfOthersNeedOnlyMuAndSigma) {
  const auto file =
      parse_statistics(npz(encode_npy("<f8", {2}, bytes_of<double>({1, 2})),
                           encode_npy("<f4", {2, 2}, bytes_of<float>({4, 0.5, 0.5, 9}))),
                       NamedFeatures(2));
  EXPECT_EQ(file.statistics.moments->mean, (std::vector<double>{1, 2}));
  EXPECT_EQ(file.statistics.moments->covariance, (std::vector<double>{4, 0.5, 0.5, 9}));
  EXPECT_TRUE(file.statistics.kept.empty());
  EXPECT_EQ(file.statistics.count, 0);
}

TEST(Statistics, OfAnotherNetworkAreRefused) {
  const TempDir dir;
  write_statistics(dir.path() / "a.npz", some_statistics(), NamedFeatures(3), "");
  expect_error(ErrorKind::kInvalidArgument, "of another network's 3 features", [&] {
    read_statistics(dir.path() / "a.npz", NamedFeatures(3, std::string(64, 'b')));
  });
  expect_error(ErrorKind::kInvalidArgument, "of another network's 3 features; those of named, 4,",
               [&] { read_statistics(dir.path() / "a.npz", NamedFeatures(4)); });
}

TEST(Statistics, ThatMakeNoSenseAreRefused) {
  const NamedFeatures network(2);
  const auto refused = [&](const std::string& what, const std::string& mu,
                           const std::string& sigma) {
    expect_error(ErrorKind::kCorrupt, what, [&] { parse_statistics(npz(mu, sigma), network); });
  };
  const auto mu = encode_npy("<f8", {2}, bytes_of<double>({1, 2}));
  const auto sigma = encode_npy("<f8", {2, 2}, bytes_of<double>({4, 0, 0, 9}));
  refused("'sigma' does not fit 'mu'", mu, encode_npy("<f8", {1, 1}, bytes_of<double>({4})));
  refused("is not symmetric", mu, encode_npy("<f8", {2, 2}, bytes_of<double>({4, 1, 0, 9})));
  refused("not finite", encode_npy("<f8", {2}, bytes_of<double>({1, std::nan("")})), sigma);
  refused("another number of extents", sigma, sigma);
  refused("instead of '<f8'", encode_npy("<i8", {2}, std::string(16, '\0')), sigma);
  refused("16 bytes for the shape", encode_npy("<f8", {3}, std::string(16, '\0')), sigma);
  expect_error(ErrorKind::kCorrupt, "has no 'mu.npy'", [&] {
    parse_statistics(ZipArchive::parse(zip_bytes({{"sigma.npy", sigma}}), "stats"), network);
  });
}

TEST(StatisticsCache, KnowsDataAndNetworkByTheirHashes) {
  const TempDir dir;
  const ThreadBudget one(1), three(3);
  const Shapes pictures(600), longer(601), others(600, 7);
  const std::string identity = identity_of(one, pictures);
  EXPECT_EQ(identity_of(three, pictures), identity);
  EXPECT_NE(identity_of(one, longer), identity);
  EXPECT_NE(identity_of(one, others), identity);
  const NamedFeatures network(3), other(3, std::string(64, 'b'));
  const StatisticsCache cache(dir.path() / "new", network, identity);
  EXPECT_FALSE(cache.find());
  cache.store(some_statistics());
  EXPECT_EQ(cache.find()->kept, some_statistics().kept);
  EXPECT_FALSE(StatisticsCache(dir.path() / "new", other, identity).find());
  EXPECT_FALSE(StatisticsCache(dir.path() / "new", network, identity_of(one, others)).find());
  // A damaged file is as none.
  std::string bytes = read_file(cache.path(), 1 << 20);
  bytes[bytes.size() / 2] ^= 1;
  write_file(cache.path(), bytes);
  EXPECT_FALSE(cache.find());
}

}  // namespace
}  // namespace miniray
