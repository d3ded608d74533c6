#include "runtime/mpi_process_group.h"

#include <mpi.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

#include "engine/error.h"
#include "engine/kernels/bfloat16.h"
#include "engine/kernels/elementwise.h"
#include "engine/span.h"
#include "runtime/mpi_monitor.h"

namespace miniray {
namespace {

constexpr int kChunkTag = 1, kSumTag = 2;
constexpr std::int64_t kMaxMessage = std::int64_t{1} << 28;  // elements; MPI counts in int

class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(std::chrono::milliseconds timeout) : monitor_(MPI_COMM_WORLD, timeout) {
    MPI_Comm_dup(MPI_COMM_WORLD, &communicator_);
    MPI_Comm_rank(communicator_, &rank_);
    MPI_Comm_size(communicator_, &size_);
  }

  int rank() const override { return rank_; }
  int world_size() const override { return size_; }
  void set_wait_hook(std::function<void()> hook) { wait_hook_ = std::move(hook); }

  // Each process gets its part from all, adds in rank order, hands the sum back to all.
  void reduce(std::span<float> data, float scale, Payload payload) override {
    std::int64_t done = 0;
    do {
      const std::int64_t size =
          std::min<std::int64_t>(static_cast<std::int64_t>(data.size()) - done, kMaxMessage);
      if (payload == Payload::kBfloat16) {
        reduce_rounded_piece(part(data, done, size), scale);
      } else {
        reduce_piece(part(data, done, size), scale);
      }
      done += size;
    } while (done < static_cast<std::int64_t>(data.size()));
  }

  void broadcast(std::span<float> data, int root) override {
    MPI_Request request;
    MPI_Ibcast(data.data(), static_cast<int>(data.size()), MPI_FLOAT, root, communicator_,
               &request);
    wait({&request, 1});
  }

  std::vector<std::string> gather(std::string_view record) override {
    const auto ranks = static_cast<std::size_t>(size_);
    const int own_size = static_cast<int>(record.size());
    std::vector<int> sizes(ranks), offsets(ranks);
    MPI_Request request;
    MPI_Iallgather(&own_size, 1, MPI_INT, sizes.data(), 1, MPI_INT, communicator_, &request);
    wait({&request, 1});
    int total = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      offsets[r] = total;
      total += sizes[r];
    }
    std::string all(static_cast<std::size_t>(total), '\0');
    MPI_Iallgatherv(record.data(), own_size, MPI_CHAR, all.data(), sizes.data(), offsets.data(),
                    MPI_CHAR, communicator_, &request);
    wait({&request, 1});
    std::vector<std::string> records;
    for (std::size_t r = 0; r < ranks; ++r) {
      records.push_back(
          all.substr(static_cast<std::size_t>(offsets[r]), static_cast<std::size_t>(sizes[r])));
    }
    return records;
  }

  void barrier() override {
    MPI_Request request;
    MPI_Ibarrier(communicator_, &request);
    wait({&request, 1});
  }

  std::optional<int> silent_process() const { return monitor_.silent_process(); }

  void heartbeat() override {
    monitor_.beat();
    monitor_.throw_if_failed();
  }

  void abort(const std::string& reason) override { monitor_.abort(reason); }

 private:
  void reduce_piece(std::span<float> data, float scale) {
    collect(data, received_);
    const std::span<float> own = share(data, rank_);
    std::ranges::copy(received_from(0, received_), own.begin());
    const auto& kernels = elementwise<float>();
    for (int rank = 1; rank < size_; ++rank) {
      kernels.add_and_scale(rank + 1 == size_ ? scale : 1, received_from(rank, received_), own);
    }
    hand_out(data);
  }

  void reduce_rounded_piece(std::span<float> data, float scale) {
    rounded_.resize(data.size());
    const std::span<Bfloat16> rounded(rounded_);
    round_to_bfloat16(data, rounded);
    collect(rounded, received_rounded_);
    const std::span<float> own = share(data, rank_);
    widen(received_from(0, received_rounded_), own);
    for (int rank = 1; rank < size_; ++rank) {
      add_and_scale(rank + 1 == size_ ? scale : 1, received_from(rank, received_rounded_), own);
    }
    round_to_bfloat16(own, share(rounded, rank_));
    hand_out(rounded);
    widen(rounded, data);
  }

  // The part of the numbers that a rank adds.
  template <class T>
  std::span<T> share(std::span<T> data, int rank) const {
    const auto size = static_cast<std::int64_t>(data.size());
    const std::int64_t begin = size * rank / size_;
    return part(data, begin, size * (rank + 1) / size_ - begin);
  }

  template <class T>
  std::span<T> received_from(int rank, std::vector<T>& received) const {
    const auto size = static_cast<std::int64_t>(received.size()) / size_;
    return part(std::span(received), rank * size, size);
  }

  // Sends every rank its share; `received` becomes what all ranks, in order, have of this one's.
  template <class T>
  void collect(std::span<T> data, std::vector<T>& received) {
    const std::span<T> own = share(data, rank_);
    received.resize(own.size() * static_cast<std::size_t>(size_));
    std::ranges::copy(own, received_from(rank_, received).begin());
    std::vector<MPI_Request> requests;
    for_each_other([&](int rank) {
      start_receive(received_from(rank, received), rank, kChunkTag, requests);
      start_send(share(data, rank), rank, kChunkTag, requests);
    });
    wait(requests);
  }

  // Gives all ranks this rank's share and takes theirs.
  template <class T>
  void hand_out(std::span<T> data) {
    std::vector<MPI_Request> requests;
    for_each_other([&](int rank) {
      start_receive(share(data, rank), rank, kSumTag, requests);
      start_send(share(data, rank_), rank, kSumTag, requests);
    });
    wait(requests);
  }

  static MPI_Datatype type_of(std::span<float>) { return MPI_FLOAT; }
  static MPI_Datatype type_of(std::span<Bfloat16>) { return MPI_UINT16_T; }

  template <class T>
  void start_receive(std::span<T> data, int rank, int tag, std::vector<MPI_Request>& requests) {
    MPI_Irecv(data.data(), static_cast<int>(data.size()), type_of(data), rank, tag, communicator_,
              &requests.emplace_back(MPI_REQUEST_NULL));
  }
  template <class T>
  void start_send(std::span<T> data, int rank, int tag, std::vector<MPI_Request>& requests) {
    MPI_Isend(data.data(), static_cast<int>(data.size()), type_of(data), rank, tag, communicator_,
              &requests.emplace_back(MPI_REQUEST_NULL));
  }

  template <class Action>
  void for_each_other(Action action) {
    for (int rank = 0; rank < size_; ++rank) {
      if (rank != rank_) action(rank);
    }
  }

  // Until all are done, or another process has failed. Busy at first, then with short sleeps: a
  // wait for a slow process must not take a core from its workers.
  void wait(std::span<MPI_Request> requests) {
    constexpr int kBusyRounds = 2000;
    for (int round = 0;; ++round) {
      int done = 0;
      MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
      if (done != 0) return;
      heartbeat();
      if (wait_hook_) wait_hook_();
      if (round > kBusyRounds) std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

  MpiMonitor monitor_;
  MPI_Comm communicator_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::function<void()> wait_hook_;
  std::vector<float> received_;
  std::vector<Bfloat16> rounded_, received_rounded_;
};

class MpiProcessGroup final : public ProcessGroup {
 public:
  explicit MpiProcessGroup(std::chrono::milliseconds timeout)
      : exceptions_before_(std::uncaught_exceptions()),
        communicator_(std::make_unique<MpiCommunicator>(timeout)) {}

  // MPI's farewell waits for everyone. A process that fails must not take part in it: mpirun then
  // ends the others.
  ~MpiProcessGroup() override {
    const bool failing = std::uncaught_exceptions() > exceptions_before_;
    communicator_.reset();
    if (!failing) MPI_Finalize();
  }

  Communicator& communicator() override { return *communicator_; }
  void set_wait_hook(std::function<void()> hook) override {
    communicator_->set_wait_hook(std::move(hook));
  }
  std::optional<int> silent_process() const override { return communicator_->silent_process(); }

 private:
  int exceptions_before_;
  std::unique_ptr<MpiCommunicator> communicator_;
};

}  // namespace

std::unique_ptr<ProcessGroup> join_mpi_process_group(std::chrono::milliseconds timeout) {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
  if (provided < MPI_THREAD_MULTIPLE) {
    throw Error(ErrorKind::kCommunication, "this MPI does not allow calls from many threads");
  }
  return std::make_unique<MpiProcessGroup>(timeout);
}

}  // namespace miniray
