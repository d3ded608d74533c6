#include "gan/rank_status.h"

#include <algorithm>
#include <cstdio>

namespace miniray {

std::string RankStatus::text() const {
  char text[140];
  std::snprintf(text, sizeof text, "%d %d %d %.17g %.17g %.17g %.17g", stop, save, diverged,
                means.d_loss, means.g_loss, means.d_real, means.d_fake);
  return text;
}

RankStatus RankStatus::parse(const std::string& text) {
  RankStatus status;
  int stop = 0, save = 0, diverged = 0;
  StepResult& means = status.means;
  std::sscanf(text.c_str(), "%d %d %d %lg %lg %lg %lg", &stop, &save, &diverged, &means.d_loss,
              &means.g_loss, &means.d_real, &means.d_fake);
  status.stop = stop != 0;
  status.save = save != 0;
  status.diverged = diverged != 0;
  return status;
}

std::vector<RankStatus> exchange_status(Communicator& communicator, const RankStatus& own) {
  std::vector<RankStatus> all;
  for (const std::string& record : communicator.gather(own.text())) {
    all.push_back(RankStatus::parse(record));
  }
  return all;
}

bool any(const std::vector<RankStatus>& all, bool RankStatus::*wish) {
  return std::ranges::any_of(all, [&](const RankStatus& status) { return status.*wish; });
}

}  // namespace miniray
