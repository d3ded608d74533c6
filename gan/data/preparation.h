// What a data set may need to get ready, and who is told meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "engine/parallel.h"

namespace miniray {

struct Preparation {
  int threads = available_cores();
  // Called on the caller's thread, every few hundred pictures, while they are being decoded by this
  // process, the last time with done == total; or, while it waits for another one that does it, ten
  // times a second with 0. May be empty.
  std::function<void(std::int64_t done, std::int64_t total)> progress{};
  // Of what does not end it, one line each. May be empty.
  std::function<void(const std::string& message)> warn{};
  const std::atomic<bool>* stop = nullptr;  // where it is set, the work ends soon; may be null
};

}  // namespace miniray
