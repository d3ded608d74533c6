// One process of the collectives' suite under mpirun: `mpi_ranks CASE [WORKERS]`. Exits 0 where all
// is as it should be. Started by tests/end_to_end/mpi_test.py.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "engine/error.h"
#include "runtime/process_group.h"
#include "runtime/thread_communicator.h"
#include "support/random_values.h"
#include "support/reference_kernels.h"

namespace miniray {
namespace {

using namespace std::chrono_literals;

std::vector<float> data_of(int rank, std::int64_t length) {
  return testing::random_values<float>(static_cast<std::size_t>(length),
                                       static_cast<unsigned>(rank + 1));
}

void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("wrong: " + what);
}

// The sum that is documented: workers of a process in order, then processes in order; what
// processes send each other is rounded.
std::vector<float> expected_mean(int processes, int workers, std::int64_t length, Payload payload) {
  const bool rounded = payload == Payload::kBfloat16 && processes > 1;
  const auto sent = [&](float value) {
    return rounded ? testing::reference_bfloat16(value) : value;
  };
  std::vector<float> total;
  for (int p = 0; p < processes; ++p) {
    std::vector<float> group = data_of(p * workers, length);
    for (int w = 1; w < workers; ++w) {
      const auto data = data_of(p * workers + w, length);
      for (std::size_t i = 0; i < group.size(); ++i) group[i] += data[i];
    }
    for (float& value : group) value = sent(value);
    if (p == 0) {
      total = group;
    } else {
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += group[i];
    }
  }
  const float scale = 1.0F / static_cast<float>(processes * workers);
  for (float& value : total) value = sent(value * scale);
  return total;
}

void check_collectives(Communicator& communicator, int workers) {
  const int world = communicator.world_size();
  for (const std::int64_t length : {0, 1, world - 1, 1001, 2'000'000}) {
    std::vector<float> data;
    for (const Payload payload : {Payload::kFloat32, Payload::kBfloat16}) {
      data = data_of(communicator.rank(), length);
      communicator.mean(data, payload);
      require(data == expected_mean(world / workers, workers, length, payload),
              "mean of " + std::to_string(length));
    }
    data = data_of(communicator.rank(), length);
    communicator.broadcast(data, world - 1);
    require(data == data_of(world - 1, length), "broadcast of " + std::to_string(length));
  }
  for (int round = 0; round < 50; ++round) {
    const auto records =
        communicator.gather(std::string(static_cast<std::size_t>(communicator.rank() * 3), 'x') +
                            std::to_string(round));
    require(static_cast<int>(records.size()) == world, "number of records");
    for (int rank = 0; rank < world; ++rank) {
      require(records[static_cast<std::size_t>(rank)] ==
                  std::string(static_cast<std::size_t>(rank * 3), 'x') + std::to_string(round),
              "record");
    }
    communicator.barrier();
  }
}

void collectives(ProcessGroup& processes, int workers) {
  ThreadWorld world(workers, 60s);
  std::vector<std::thread> threads;
  std::exception_ptr failure;
  for (int local = 0; local < workers; ++local) {
    threads.emplace_back([&, local] {
      const auto communicator =
          make_hybrid_communicator(world.communicator(local), processes.communicator());
      try {
        check_collectives(*communicator, workers);
      } catch (const std::exception& error) {
        communicator->abort(error.what());
        failure = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

// Process 1 fails in one way or another while the others wait for it.
void failure(ProcessGroup& processes, const std::string& how) {
  Communicator& communicator = processes.communicator();
  communicator.barrier();
  if (communicator.rank() == 1) {
    if (how == "throw") {
      communicator.abort("out of paint");
      throw std::runtime_error("out of paint");
    }
    if (how == "kill") raise(SIGKILL);
    if (how == "stop") raise(SIGSTOP);
    if (how == "hang") std::this_thread::sleep_for(60s);
  }
  communicator.barrier();
  throw std::runtime_error("a barrier was passed that process 1 never came to");
}

}  // namespace
}  // namespace miniray

int main(int argc, char** argv) {
  using namespace miniray;
  const std::string test = argc > 1 ? argv[1] : "collectives";
  const int workers = argc > 2 ? std::atoi(argv[2]) : 1;
  try {
    const auto processes = join_process_group(test == "collectives" ? 60s : 3s);
    if (test == "collectives") {
      collectives(*processes, workers);
    } else {
      failure(*processes, test);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mpi_ranks: %s\n", error.what());
    return 1;
  }
}
