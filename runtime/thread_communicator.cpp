#include "runtime/thread_communicator.h"

#include <algorithm>
#include <array>

#include "engine/error.h"
#include "engine/kernels/bfloat16.h"
#include "engine/kernels/elementwise.h"
#include "engine/span.h"

namespace miniray {
namespace {

using Clock = std::chrono::steady_clock;

// Elements summed at a time: what all ranks hold of it stays in the first cache.
constexpr std::int64_t kPiece = 2048;
constexpr std::chrono::milliseconds kWatchInterval{50};

}  // namespace

// Remembers when each rank's pulse was last seen to move.
class ThreadWorld::PulseWatch {
 public:
  explicit PulseWatch(const ThreadWorld& world) : seen_(world.pulses_.size()) {
    for (auto& seen : seen_) seen.since = Clock::now();
    look(world);
  }

  // The longest time that a missing rank has stood still, and which.
  std::pair<Clock::duration, int> look(const ThreadWorld& world) {
    std::pair<Clock::duration, int> longest{Clock::duration::zero(), -1};
    for (std::size_t rank = 0; rank < seen_.size(); ++rank) {
      const std::uint64_t beats = world.pulses_[rank].beats.load(std::memory_order_relaxed);
      if (beats != seen_[rank].beats) seen_[rank] = {beats, Clock::now()};
      if (world.arrived_[rank]) continue;
      const auto still = Clock::now() - seen_[rank].since;
      if (still > longest.first) longest = {still, static_cast<int>(rank)};
    }
    return longest;
  }

 private:
  struct Seen {
    std::uint64_t beats = 0;
    Clock::time_point since;
  };
  std::vector<Seen> seen_;
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(ThreadWorld& world, int rank) : world_(world), rank_(rank) {}

  int rank() const override { return rank_; }
  int world_size() const override { return static_cast<int>(world_.pulses_.size()); }

  // Each rank adds its own part of all spans and writes the sum into all of them: a part is touched
  // by one rank alone.
  void reduce(std::span<float> data, float scale, Payload payload) override {
    publish(data);
    const auto size = static_cast<std::int64_t>(data.size());
    const std::int64_t begin = size * rank_ / world_size();
    const std::int64_t end = size * (rank_ + 1) / world_size();
    for (std::int64_t at = begin; at < end; at += kPiece) {
      const std::int64_t piece = std::min(kPiece, end - at);
      if (payload == Payload::kBfloat16) {
        reduce_rounded_piece(at, piece, scale);
      } else {
        reduce_piece(at, piece, scale);
      }
    }
    world_.meet(rank_);
  }

  void broadcast(std::span<float> data, int root) override {
    publish(data);
    const auto& source = world_.spans_[static_cast<std::size_t>(root)];
    if (rank_ != root) std::ranges::copy(source, data.begin());
    world_.meet(rank_);
  }

  std::vector<std::string> gather(std::string_view record) override {
    world_.records_[static_cast<std::size_t>(rank_)] = record;
    world_.meet(rank_);
    std::vector<std::string> records = world_.records_;
    world_.meet(rank_);
    return records;
  }

  void barrier() override { world_.meet(rank_); }
  void heartbeat() override { world_.beat(rank_); }
  void abort(const std::string& reason) override { world_.fail(rank_, reason); }

 private:
  void publish(std::span<float> data) {
    world_.spans_[static_cast<std::size_t>(rank_)] = data;
    world_.meet(rank_);
    for (const auto& span : world_.spans_) {
      if (span.size() == data.size()) continue;
      const std::string reason = "ranks gave spans of different lengths to one collective";
      world_.fail(rank_, reason);
      throw Error(ErrorKind::kCommunication, reason);
    }
  }

  void reduce_piece(std::int64_t at, std::int64_t size, float scale) {
    const auto& kernels = elementwise<float>();
    const auto sum = part(world_.spans_[0], at, size);
    for (std::size_t r = 1; r + 1 < world_.spans_.size(); ++r) {
      kernels.add_scaled(1, part(world_.spans_[r], at, size), sum);
    }
    kernels.add_and_scale(scale, part(world_.spans_.back(), at, size), sum);
    hand_back(at, size);
  }

  // Nothing travels here: numbers are rounded so that threads agree with processes.
  void reduce_rounded_piece(std::int64_t at, std::int64_t size, float scale) {
    std::array<Bfloat16, kPiece> buffer;
    const auto rounded = part(std::span<Bfloat16>(buffer), 0, size);
    const auto sum = part(world_.spans_[0], at, size);
    round_to_bfloat16(sum, rounded);
    widen(rounded, sum);
    for (std::size_t r = 1; r < world_.spans_.size(); ++r) {
      round_to_bfloat16(part(world_.spans_[r], at, size), rounded);
      add_and_scale(r + 1 == world_.spans_.size() ? scale : 1, rounded, sum);
    }
    round_to_bfloat16(sum, rounded);
    widen(rounded, sum);
    hand_back(at, size);
  }

  // Copies the first rank's numbers to the others.
  void hand_back(std::int64_t at, std::int64_t size) {
    const auto sum = part(world_.spans_[0], at, size);
    for (std::size_t r = 1; r < world_.spans_.size(); ++r) {
      std::ranges::copy(sum, part(world_.spans_[r], at, size).begin());
    }
  }

  ThreadWorld& world_;
  const int rank_;
};

ThreadWorld::ThreadWorld(int world_size, std::chrono::milliseconds timeout)
    : timeout_(timeout),
      pulses_(static_cast<std::size_t>(world_size)),
      spans_(static_cast<std::size_t>(world_size)),
      records_(static_cast<std::size_t>(world_size)),
      arrived_(static_cast<std::size_t>(world_size)) {
  if (world_size < 1) {
    throw invalid_argument("a world has at least 1 rank, not " + std::to_string(world_size));
  }
}

ThreadWorld::~ThreadWorld() = default;

std::unique_ptr<Communicator> ThreadWorld::communicator(int rank) {
  if (pulses_.size() == 1) return make_single_communicator();
  return std::make_unique<ThreadCommunicator>(*this, rank);
}

void ThreadWorld::beat(int rank) {
  pulses_[static_cast<std::size_t>(rank)].beats.fetch_add(1, std::memory_order_relaxed);
}

std::optional<int> ThreadWorld::failed_rank() const {
  const std::lock_guard lock(mutex_);
  if (!failure_) return std::nullopt;
  return failure_->rank;
}

void ThreadWorld::meet(int rank) {
  std::unique_lock lock(mutex_);
  throw_if_failed(rank);
  arrived_[static_cast<std::size_t>(rank)] = true;
  if (++arrived_count_ == static_cast<int>(pulses_.size())) {
    arrived_count_ = 0;
    arrived_.assign(arrived_.size(), false);
    ++meetings_;
    changed_.notify_all();
    return;
  }
  const std::uint64_t meeting = meetings_;
  const auto over = [&] { return meetings_ != meeting || failure_.has_value(); };
  PulseWatch watch(*this);
  while (!changed_.wait_for(lock, kWatchInterval, over)) {
    const auto [still, missing] = watch.look(*this);
    if (still < timeout_) continue;
    failure_ = Failure{missing, "it showed no sign of life for " +
                                    std::to_string(timeout_.count() / 1000.0).substr(0, 5) +
                                    " s while others waited for it"};
    changed_.notify_all();
  }
  if (meetings_ == meeting) throw_if_failed(rank);
}

void ThreadWorld::fail(int rank, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = Failure{rank, reason};
  changed_.notify_all();
}

void ThreadWorld::throw_if_failed(int own_rank) const {
  if (!failure_) return;
  const std::string who = failure_->rank == own_rank
                              ? "this rank (" + std::to_string(own_rank) + ")"
                              : "rank " + std::to_string(failure_->rank);
  throw Error(ErrorKind::kCommunication, who + " failed: " + failure_->reason);
}

}  // namespace miniray
