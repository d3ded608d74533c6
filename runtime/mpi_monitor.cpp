#include "runtime/mpi_monitor.h"

#include <algorithm>
#include <cstring>

#include "engine/error.h"

namespace miniray {
namespace {

using namespace std::chrono_literals;

constexpr auto kBeatInterval = 500ms;
constexpr auto kLookInterval = 20ms;
constexpr auto kSilence = 10s;  // a monitor that sends nothing: its process or the link is gone
constexpr auto kFarewell = 2s;  // for the last messages to leave
constexpr int kTag = 1;

}  // namespace

MpiMonitor::MpiMonitor(MPI_Comm communicator, std::chrono::milliseconds timeout)
    : timeout_(timeout) {
  MPI_Comm_dup(communicator, &communicator_);
  MPI_Comm_rank(communicator_, &rank_);
  MPI_Comm_size(communicator_, &size_);
  peers_.resize(static_cast<std::size_t>(size_));
  for (Peer& peer : peers_) peer.last_message = peer.last_change = Clock::now();
  thread_ = std::thread([this] { run(); });
}

MpiMonitor::~MpiMonitor() {
  ending_ = true;
  thread_.join();
}

void MpiMonitor::throw_if_failed() const {
  if (!failed_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  throw Error(ErrorKind::kCommunication, failure_);
}

std::optional<int> MpiMonitor::silent_process() const {
  const std::lock_guard lock(mutex_);
  return silent_;
}

void MpiMonitor::abort(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (!abort_reason_) abort_reason_ = reason;
  }
  const auto deadline = Clock::now() + kFarewell;
  while (!failed_ && Clock::now() < deadline) std::this_thread::sleep_for(kLookInterval);
}

// Ends once this process is done and has told all others so.
void MpiMonitor::run() {
  auto next_beat = Clock::now();
  std::optional<Clock::time_point> deadline;
  bool told = false;
  while (!deadline || (Clock::now() < *deadline && !(told && all_sent()))) {
    receive();
    std::optional<std::string> reason;
    {
      const std::lock_guard lock(mutex_);
      reason = abort_reason_;
    }
    if ((ending_ || reason) && !deadline) deadline = Clock::now() + kFarewell;
    if (deadline ? (!told && all_sent()) : Clock::now() >= next_beat) {
      Message message{.beats = beats_.load(std::memory_order_relaxed)};
      if (deadline) {
        told = true;
        message.kind = reason ? 'a' : 'e';
        if (reason) reason->copy(message.reason, kReasonBytes - 1);
      }
      send_all(message);
      next_beat = Clock::now() + kBeatInterval;
    }
    if (!deadline) look_for_missing();
    std::this_thread::sleep_for(kLookInterval);
  }
  if (abort_reason_) fail("this process ended the job: " + *abort_reason_);
  while (!ending_) std::this_thread::sleep_for(kLookInterval);
}

void MpiMonitor::send_all(const Message& message) {
  for (int rank = 0; rank < size_; ++rank) {
    Peer& peer = peers_[static_cast<std::size_t>(rank)];
    if (rank == rank_ || peer.ended) continue;
    int sent = 1;
    MPI_Test(&peer.sending, &sent, MPI_STATUS_IGNORE);
    if (sent == 0) continue;  // it does not take what it was sent: the next will do
    peer.outgoing = message;
    MPI_Isend(&peer.outgoing, sizeof(Message), MPI_BYTE, rank, kTag, communicator_, &peer.sending);
  }
}

bool MpiMonitor::all_sent() {
  return std::ranges::all_of(peers_, [](Peer& peer) {
    int sent = 1;
    MPI_Test(&peer.sending, &sent, MPI_STATUS_IGNORE);
    return sent != 0;
  });
}

void MpiMonitor::receive() {
  while (true) {
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, kTag, communicator_, &there, &status);
    if (there == 0) return;
    Message message;
    MPI_Recv(&message, sizeof message, MPI_BYTE, status.MPI_SOURCE, kTag, communicator_,
             MPI_STATUS_IGNORE);
    Peer& peer = peers_[static_cast<std::size_t>(status.MPI_SOURCE)];
    if (message.kind == 'a') {
      message.reason[kReasonBytes - 1] = '\0';
      fail("process " + std::to_string(status.MPI_SOURCE) + " failed: " + message.reason);
    }
    if (message.kind == 'e') peer.ended = true;
    peer.last_message = Clock::now();
    if (message.beats == peer.beats) continue;
    peer.beats = message.beats;
    peer.last_change = Clock::now();
  }
}

void MpiMonitor::look_for_missing() {
  for (int rank = 0; rank < size_; ++rank) {
    const Peer& peer = peers_[static_cast<std::size_t>(rank)];
    if (rank == rank_ || peer.ended) continue;
    const std::chrono::milliseconds silence =
        std::min<std::chrono::milliseconds>(kSilence, timeout_);
    const bool silent = Clock::now() - peer.last_message >= silence;
    if (!silent && Clock::now() - peer.last_change < timeout_) continue;
    fail("process " + std::to_string(rank) + " showed no sign of life for " +
             std::to_string((silent ? silence : timeout_).count() / 1000) + " s",
         rank);
  }
}

void MpiMonitor::fail(const std::string& message, std::optional<int> silent) {
  const std::lock_guard lock(mutex_);
  if (failed_) return;
  failure_ = message;
  silent_ = silent;
  failed_ = true;
}

}  // namespace miniray
