#include "gan/metrics/statistics_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/npy.h"

namespace miniray {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

constexpr std::int64_t kMaxFeatures = 16'384;
constexpr std::uint64_t kMaxEntryBytes = std::uint64_t{1} << 32;

template <class T>
ZipEntry entry(const char* name, const char* type, const std::vector<std::int64_t>& shape,
               std::span<const T> values) {
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return {std::string(name) + ".npy", encode_npy(type, shape, bytes)};
}

ZipEntry text_entry(const char* name, const std::string& text) {
  return entry<char>(name, "|u1", {static_cast<std::int64_t>(text.size())}, text);
}

// Reads the arrays of one archive.
class Reader {
 public:
  explicit Reader(const ZipArchive& archive) : archive_(archive) {}

  bool has(const std::string& name) const { return archive_.has(name + ".npy"); }

  // shape_count: its number of extents. Numbers of 4 or 8 bytes, all finite.
  template <class T>
  std::pair<std::vector<std::int64_t>, std::vector<T>> floats(const std::string& name,
                                                              std::size_t shape_count) const {
    const std::string bytes = archive_.extract(name + ".npy", kMaxEntryBytes);
    const NpyArray array = parse_npy_array(bytes, label(name));
    if (array.shape.size() != shape_count) fail(name, "has another number of extents");
    std::vector<T> values;
    if (array.type == "<f8") {
      values = numbers<double, T>(array.payload);
    } else if (array.type == "<f4") {
      values = numbers<float, T>(array.payload);
    } else {
      fail(name, "holds '" + array.type + "' instead of '<f8' or '<f4'");
    }
    if (!std::ranges::all_of(values, [](T value) { return std::isfinite(value); })) {
      fail(name, "holds a number that is not finite");
    }
    return {array.shape, std::move(values)};
  }

  std::string text(const std::string& name) const {
    const std::string bytes = archive_.extract(name + ".npy", kMaxEntryBytes);
    return std::string(parse_npy_array(bytes, label(name)).payload);
  }

  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    throw corrupt("'" + archive_.name() + "' holds no statistics that can be used: '" + name +
                  "' " + what);
  }

 private:
  std::string label(const std::string& name) const { return archive_.name() + "/" + name; }

  template <class From, class To>
  static std::vector<To> numbers(std::string_view payload) {
    std::vector<From> values(payload.size() / sizeof(From));
    std::memcpy(values.data(), payload.data(), values.size() * sizeof(From));
    return {values.begin(), values.end()};
  }

  const ZipArchive& archive_;
};

void check_network(const Reader& reader, const ZipArchive& archive, const FeatureNetwork& network,
                   std::int64_t features) {
  const bool other = reader.has("network") && reader.text("network") != network.identity();
  if (!other && features == network.features()) return;
  throw invalid_argument("'" + archive.name() + "' holds statistics of another network's " +
                         std::to_string(features) + " features; those of " + network.description() +
                         ", " + std::to_string(network.features()) + ", would be right");
}

Moments read_moments(const Reader& reader) {
  auto [mean_shape, mean] = reader.floats<double>("mu", 1);
  auto [shape, covariance] = reader.floats<double>("sigma", 2);
  const std::int64_t features = mean_shape[0];
  if (features < 1 || features > kMaxFeatures || shape[0] != features || shape[1] != features) {
    reader.fail("sigma", "does not fit 'mu'");
  }
  for (std::int64_t i = 0; i < features; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      const double a = covariance[static_cast<std::size_t>(i * features + j)];
      const double b = covariance[static_cast<std::size_t>(j * features + i)];
      if (std::abs(a - b) > 1e-6 * std::max(1.0, std::abs(a))) {
        reader.fail("sigma", "is not symmetric");
      }
    }
  }
  return {0, std::move(mean), std::move(covariance)};
}

}  // namespace

void write_statistics(const std::filesystem::path& path, const FeatureStatistics& statistics,
                      const FeatureNetwork& network, const std::string& data) {
  const Moments& moments = statistics.moments.value();
  const std::int64_t features = moments.features();
  const std::int64_t kept = static_cast<std::int64_t>(statistics.kept.size()) / features;
  write_file(path,
             zip_bytes({entry<double>("mu", "<f8", {features}, moments.mean),
                        entry<double>("sigma", "<f8", {features, features}, moments.covariance),
                        entry<std::int64_t>("count", "<i8", {1}, {&statistics.count, 1}),
                        entry<float>("kept", "<f4", {kept, features}, statistics.kept),
                        text_entry("network", network.identity()), text_entry("data", data)}));
}

StatisticsFile read_statistics(const std::filesystem::path& path, const FeatureNetwork& network) {
  return parse_statistics(ZipArchive::read(path), network);
}

StatisticsFile parse_statistics(const ZipArchive& archive, const FeatureNetwork& network) {
  const Reader reader(archive);
  StatisticsFile file;
  Moments moments = read_moments(reader);
  check_network(reader, archive, network, moments.features());
  if (reader.has("count")) {
    const std::string count = reader.text("count");
    if (count.size() != sizeof file.statistics.count) reader.fail("count", "is not one number");
    std::memcpy(&file.statistics.count, count.data(), count.size());
  }
  if (reader.has("kept")) {
    auto [shape, kept] = reader.floats<float>("kept", 2);
    if (shape[1] != moments.features()) reader.fail("kept", "does not fit 'mu'");
    file.statistics.kept = std::move(kept);
  }
  if (reader.has("data")) file.data = reader.text("data");
  moments.count = file.statistics.count;
  file.statistics.moments = std::move(moments);
  return file;
}

}  // namespace miniray
