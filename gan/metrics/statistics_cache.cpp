#include "gan/metrics/statistics_cache.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/file.h"

namespace miniray {
namespace {

constexpr std::int64_t kPicturesPerTile = 256;
constexpr std::size_t kDigits = 16;  // of a hash in a file's name

std::string hash(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

}  // namespace

std::string identity_of(const ThreadBudget& threads, const Dataset& dataset) {
  const std::int64_t count = dataset.size();
  const auto size = static_cast<std::size_t>(dataset.sample_shape().elements());
  std::vector<std::string> hashes(
      static_cast<std::size_t>((count + kPicturesPerTile - 1) / kPicturesPerTile));
  for_each_range(threads, count, kPicturesPerTile, [&](std::int64_t first, std::int64_t pictures) {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(pictures) * size);
    for (std::int64_t i = 0; i < pictures; ++i) {
      dataset.copy_sample(first + i,
                          std::span(bytes).subspan(static_cast<std::size_t>(i) * size, size));
    }
    hashes[static_cast<std::size_t>(first / kPicturesPerTile)] =
        sha256_hex(std::as_bytes(std::span(bytes)));
  });
  std::string text = dataset.sample_shape().to_string() + " " + std::to_string(count);
  for (const std::string& one : hashes) text += one;
  return hash(text);
}

StatisticsCache::StatisticsCache(const std::filesystem::path& folder, const FeatureNetwork& network,
                                 const std::string& data_identity)
    : network_(network),
      data_identity_(data_identity),
      path_(folder / (hash(data_identity + network.identity()).substr(0, kDigits) + ".npz")) {}

std::optional<FeatureStatistics> StatisticsCache::find() const {
  try {
    StatisticsFile file = read_statistics(path_, network_);
    if (file.data == data_identity_) return std::move(file.statistics);
  } catch (const Error&) {
    // It will be made anew.
  }
  return std::nullopt;
}

void StatisticsCache::store(const FeatureStatistics& statistics) const {
  make_writable_folder(path_.parent_path());
  write_statistics(path_, statistics, network_, data_identity_);
}

}  // namespace miniray
