#include "gan/job_id.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "engine/error.h"
#include "engine/rng.h"

namespace miniray {
namespace {

constexpr std::array kAdjectives = {"amber", "brisk", "calm", "clear", "early", "fair",
                                    "green", "keen",  "mild", "quiet", "swift", "warm"};
constexpr std::array kBirds = {"crane", "egret", "finch", "heron", "ibis",  "jay",
                               "lark",  "raven", "robin", "stork", "swift", "wren"};

}  // namespace

std::string make_job_id(std::time_t now, std::uint64_t seed) {
  std::tm utc{};
  gmtime_r(&now, &utc);
  char stamp[20];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &utc);
  const RandomKey key{.seed = seed, .purpose = RandomPurpose::kJobName};
  return std::string(stamp) + "-" + kAdjectives[random_below(key, 0, kAdjectives.size())] + "-" +
         kBirds[random_below(key, 1, kBirds.size())];
}

void check_job_id(const std::string& job_id) {
  const auto safe = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
  };
  if (job_id.empty() || job_id.size() > 64 || job_id.front() == '.' ||
      !std::ranges::all_of(job_id, safe)) {
    throw invalid_argument("'" + job_id +
                           "' cannot name a run: use 1 to 64 letters, digits, '.', '-', '_', no "
                           "'.' in front");
  }
}

}  // namespace miniray
