// The communicator of ranks that are threads of one process: shared memory, no copies.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/communicator.h"

namespace miniray {

// What the ranks of one world share. Must outlive its communicators.
class ThreadWorld {
 public:
  // timeout: how long a rank that others wait for may show no sign of life.
  ThreadWorld(int world_size, std::chrono::milliseconds timeout);
  ~ThreadWorld();

  // To be used by one thread. Each rank once.
  std::unique_ptr<Communicator> communicator(int rank);

  // A sign of life of a rank, from any thread: see Communicator::heartbeat.
  void beat(int rank);

  // The rank that aborted or was given up first, if any.
  std::optional<int> failed_rank() const;

 private:
  friend class ThreadCommunicator;

  struct Failure {
    int rank;
    std::string reason;
  };
  struct alignas(64) Pulse {  // a cache line of its own: written every step
    std::atomic<std::uint64_t> beats{0};
  };

  // Returns when every rank has come to it. Throws where the world has failed.
  void meet(int rank);
  void fail(int rank, const std::string& reason);
  void throw_if_failed(int own_rank) const;
  // Gives up the first missing rank whose pulse has stood still for the timeout.
  class PulseWatch;

  const std::chrono::milliseconds timeout_;
  std::vector<Pulse> pulses_;
  std::vector<std::span<float>> spans_;  // of the collective in hand, by rank
  std::vector<std::string> records_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> arrived_;
  int arrived_count_ = 0;
  std::uint64_t meetings_ = 0;
  std::optional<Failure> failure_;
};

}  // namespace miniray
