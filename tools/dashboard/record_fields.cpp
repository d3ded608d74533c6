#include "tools/dashboard/record_fields.h"

#include <chrono>
#include <cstdio>

namespace miniray::dashboard {

std::int64_t RecordFields::time_ms() const {
  const std::string time = text("time");
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0;
  if (std::sscanf(time.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &year, &month, &day, &hour, &minute,
                  &second, &ms) != 7) {
    return 0;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return 0;
  const std::chrono::sys_days days(date);
  const auto seconds = std::int64_t{hour} * 3600 + minute * 60 + second;
  return (days.time_since_epoch().count() * std::int64_t{86'400} + seconds) * 1000 + ms;
}

}  // namespace miniray::dashboard
