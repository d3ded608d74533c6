// A program built without MPI: this test compiles runtime/process_group.cpp as such a build does.
#include <gtest/gtest.h>

#include <cstdlib>

#include "runtime/process_group.h"
#include "support/expect_error.h"

namespace miniray {
namespace {

TEST(WithoutMpi, AloneIsAWorldOfOne) {
  const auto processes = join_process_group(std::chrono::seconds(1));
  EXPECT_EQ(processes->communicator().world_size(), 1);
  EXPECT_EQ(processes->communicator().rank(), 0);
}

TEST(WithoutMpi, SeveralProcessesAreRefusedWithTheWayOut) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    setenv(name, "2", 1);
    testing::expect_error(ErrorKind::kInvalidArgument, "libopenmpi-dev",
                          [] { join_process_group(std::chrono::seconds(1)); });
    unsetenv(name);
  }
}

}  // namespace
}  // namespace miniray
