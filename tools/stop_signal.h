// Ctrl-C and SIGTERM as a flag that long work looks at.
#pragma once

#include <atomic>

namespace miniray {

// From now on the first SIGINT or SIGTERM sets the flag; a second one ends the process at once.
const std::atomic<bool>& catch_stop_signals();

}  // namespace miniray
