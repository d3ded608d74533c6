// Names of runs.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

namespace miniray {

// A readable name that sorts by time, such as 20260131-142500-amber-heron.
std::string make_job_id(std::time_t now, std::uint64_t seed);

// A name is a folder's: letters, digits, dot, minus and underscore, no dot in front, at most 64
// characters. Throws invalid argument otherwise.
void check_job_id(const std::string& job_id);

}  // namespace miniray
