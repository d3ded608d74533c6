// Signs of life between the processes of an MPI job, by a thread of its own.
#pragma once

#include <mpi.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace miniray {

class MpiMonitor {
 public:
  // Collective. `communicator` must allow calls from many threads.
  MpiMonitor(MPI_Comm communicator, std::chrono::milliseconds timeout);
  ~MpiMonitor();
  MpiMonitor(const MpiMonitor&) = delete;
  MpiMonitor& operator=(const MpiMonitor&) = delete;

  // Work goes on, or waits for others in a collective: any thread, any time.
  void beat() { beats_.fetch_add(1, std::memory_order_relaxed); }
  // Throws communication where another process failed or is gone.
  void throw_if_failed() const;
  // The process that this one gave up, if any.
  std::optional<int> silent_process() const;
  // Tells all others, and waits a moment for the message to leave.
  void abort(const std::string& reason);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kReasonBytes = 400;
  // What processes send each other.
  struct Message {
    std::uint64_t beats = 0;
    char kind = 'b';  // 'b': a beat, 'a': an abort, 'e': the process ends as it should
    char reason[kReasonBytes] = {};
  };
  struct Peer {
    std::uint64_t beats = 0;
    Clock::time_point last_message, last_change;  // of beats
    bool ended = false;
    Message outgoing;
    MPI_Request sending = MPI_REQUEST_NULL;
  };

  void run();
  void send_all(const Message& message);
  void receive();
  void look_for_missing();
  // silent: the process that showed no sign of life, where that is the reason.
  void fail(const std::string& message, std::optional<int> silent = std::nullopt);
  bool all_sent();

  MPI_Comm communicator_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  const std::chrono::milliseconds timeout_;
  std::vector<Peer> peers_;
  std::atomic<std::uint64_t> beats_{0};
  std::atomic<bool> failed_{false}, ending_{false};
  mutable std::mutex mutex_;  // guards what follows
  std::string failure_;
  std::optional<int> silent_;
  std::optional<std::string> abort_reason_;
  std::thread thread_;
};

}  // namespace miniray
