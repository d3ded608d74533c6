// Statistics of a set of pictures as the .npz files that are common for FID: a zip of the arrays
//
//   mu     float64 [features]
//   sigma  float64 [features, features]
//
// Files of ours hold besides
//
//   count    int64 [1]: pictures
//   kept     float32 [some, features]: vectors of some (feature_statistics.h)
//   network  uint8 [64]: the identity of the feature network, in hexadecimal
//   data     uint8 [any]: what the pictures were, for whoever looks for it
#pragma once

#include <filesystem>
#include <string>

#include "gan/metrics/feature_statistics.h"
#include "gan/zip.h"

namespace miniray {

// `data` tells one set of pictures from another. statistics must have moments. Throws io, naming
// the path.
void write_statistics(const std::filesystem::path& path, const FeatureStatistics& statistics,
                      const FeatureNetwork& network, const std::string& data);

struct StatisticsFile {
  FeatureStatistics statistics;  // count is 0 and none is kept where the file does not say
  std::string data;
};

// Throws not found, io or corrupt, naming the path; invalid argument where the file is of another
// network's features.
StatisticsFile read_statistics(const std::filesystem::path& path, const FeatureNetwork& network);
StatisticsFile parse_statistics(const ZipArchive& archive, const FeatureNetwork& network);

}  // namespace miniray
