// The processes of one job: one alone, or several that mpirun started, on one machine or many.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/communicator.h"

namespace miniray {

class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  // Ranks are processes. Used by one thread at a time; lives as long as the group.
  virtual Communicator& communicator() = 0;
  // Called again and again while a collective waits for other processes.
  virtual void set_wait_hook(std::function<void()> hook) = 0;
  // The process that was given up since it showed no sign of life, if any.
  virtual std::optional<int> silent_process() const = 0;
};

// Joins the job that this process was started in. Call once, before other threads start.
// timeout: how long another process may show no sign of life before all are ended.
// Throws invalid argument where mpirun started several processes of a program built without MPI.
std::unique_ptr<ProcessGroup> join_process_group(std::chrono::milliseconds timeout);

// The communicator of worker `local_rank` of `local_world` in this process, in a world of
// processes x local workers, ranked process by process. Sums are taken over the workers of each
// process in order, then over the processes in order; as bfloat16, it is each process's sum that is
// rounded. `processes` is used by local rank 0 alone.
std::unique_ptr<Communicator> make_hybrid_communicator(std::unique_ptr<Communicator> local,
                                                       Communicator& processes);

}  // namespace miniray
