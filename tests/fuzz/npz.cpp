// Archives of arrays: zip, and the statistics of features in it.
#include "fuzz/target.h"
#include "gan/metrics/statistics_file.h"
#include "gan/npy.h"
#include "gan/zip.h"
#include "support/idx_bytes.h"

namespace miniray::fuzz {
namespace {

class TwoFeatures final : public FeatureNetwork {
 public:
  std::string suffix() const override { return "-two"; }
  std::string description() const override { return "two features"; }
  const std::string& identity() const override { return identity_; }
  std::int64_t features() const override { return 2; }
  std::int64_t classes() const override { return 2; }
  void check_images(const Shape&) const override {}
  std::unique_ptr<FeaturePass> make_pass(const ThreadBudget&) const override { return nullptr; }

 private:
  std::string identity_ = std::string(64, 'i');
};

}  // namespace

void parse(std::string_view bytes) {
  const ZipArchive archive = ZipArchive::parse(std::string(bytes), "input");
  for (const std::string& entry : archive.entries()) archive.extract(entry, 1 << 16);
  const StatisticsFile file = parse_statistics(archive, TwoFeatures());
  require(file.statistics.kept.size() % 2 == 0, "vectors are whole");
}

std::vector<std::string> seeds() {
  const std::string mean = encode_npy("<f8", {2}, std::string(16, '\0'));
  const std::string covariance = encode_npy("<f8", {2, 2}, std::string(32, '\0'));
  InputFile file;
  FeatureStatistics statistics;
  statistics.count = 3;
  statistics.moments = Moments{3, {1, 2}, {1, 0, 0, 1}};
  statistics.kept = {1, 2};
  write_statistics(file.path(), statistics, TwoFeatures(), "pictures");
  return {zip_bytes({{"mu.npy", mean}, {"sigma.npy", covariance}}), file.read()};
}

}  // namespace miniray::fuzz
