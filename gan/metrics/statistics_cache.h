// Statistics of data sets that were once computed, in a folder: a file for each pair of data and
// feature network (statistics_file.h), found by the hashes of both.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "gan/data/dataset.h"
#include "gan/metrics/statistics_file.h"

namespace miniray {

// The SHA-256 of a data set's shape and pictures.
std::string identity_of(const ThreadBudget& threads, const Dataset& dataset);

// Where it is, unless somebody says otherwise.
inline std::filesystem::path statistics_folder(const std::filesystem::path& data_dir) {
  return data_dir / "statistics";
}

class StatisticsCache {
 public:
  // data_identity: of the data set. The network must outlive this.
  StatisticsCache(const std::filesystem::path& folder, const FeatureNetwork& network,
                  const std::string& data_identity);

  const std::filesystem::path& path() const { return path_; }
  // Empty where there is no file, or one that cannot be used.
  std::optional<FeatureStatistics> find() const;
  // Makes the folder too. Throws io, naming the path.
  void store(const FeatureStatistics& statistics) const;

 private:
  const FeatureNetwork& network_;
  std::string data_identity_;
  std::filesystem::path path_;
};

}  // namespace miniray
