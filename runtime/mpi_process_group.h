// Processes joined by MPI. Only runtime/mpi_* knows MPI.
#pragma once

#include <chrono>
#include <memory>

#include "runtime/process_group.h"

namespace miniray {

// Initialises MPI. Collectives add in rank order, so their bits do not depend on MPI's algorithms.
// A thread of its own sends every other process a sign of life a second and looks for theirs;
// where none comes for ten seconds (it died, or the link is cut) or tells of no work done
// for the timeout, or another process aborts, every collective and heartbeat
// throws, and the process ends without MPI's farewell, which tells mpirun to end the rest.
std::unique_ptr<ProcessGroup> join_mpi_process_group(std::chrono::milliseconds timeout);

}  // namespace miniray
