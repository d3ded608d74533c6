// Runs a function as every rank of a world of threads, and gives what each threw.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/thread_communicator.h"

namespace miniray::testing {

using RankBody = std::function<void(Communicator&)>;

inline std::vector<std::exception_ptr> run_ranks(
    int world_size, const RankBody& body,
    std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
  ThreadWorld world(world_size, timeout);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(world_size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world_size; ++rank) {
    threads.emplace_back([&, rank] {
      const auto communicator = world.communicator(rank);
      try {
        body(*communicator);
      } catch (const std::exception& error) {
        communicator->abort(error.what());
        failures[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return failures;
}

inline void run_ranks_without_failure(int world_size, const RankBody& body) {
  for (const auto& failure : run_ranks(world_size, body)) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace miniray::testing
