#include "runtime/process_group.h"

#include <cstdlib>

#include "engine/error.h"
#ifdef MINIRAY_MPI
#include "runtime/mpi_process_group.h"
#endif

namespace miniray {
namespace {

class SingleProcess final : public ProcessGroup {
 public:
  Communicator& communicator() override { return *communicator_; }
  void set_wait_hook(std::function<void()>) override {}  // nothing is ever waited for
  std::optional<int> silent_process() const override { return std::nullopt; }

 private:
  std::unique_ptr<Communicator> communicator_ = make_single_communicator();
};

// How many processes the launcher started, by the environment that it gives them: OpenMPI's,
// MPICH's and Slurm's (under srun).
int launched_processes() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const char* const value = std::getenv(name)) return std::atoi(value);
  }
  return 1;
}

}  // namespace

std::unique_ptr<ProcessGroup> join_process_group(
    [[maybe_unused]] std::chrono::milliseconds timeout) {
  if (launched_processes() <= 1) return std::make_unique<SingleProcess>();
#ifdef MINIRAY_MPI
  return join_mpi_process_group(timeout);
#else
  throw invalid_argument("mpirun started " + std::to_string(launched_processes()) +
                         " processes, but this program was built without MPI: install "
                         "libopenmpi-dev and build again");
#endif
}

}  // namespace miniray
