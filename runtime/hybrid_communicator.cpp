// Workers of this process first, then one call a process over all processes, then down again.
#include <cstdint>
#include <cstring>

#include "runtime/process_group.h"

namespace miniray {
namespace {

// Records one after the other, each behind its length.
std::string pack(const std::vector<std::string>& records) {
  std::string bytes;
  for (const std::string& record : records) {
    const std::uint64_t size = record.size();
    bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
    bytes += record;
  }
  return bytes;
}

void unpack(std::string_view bytes, std::vector<std::string>& records) {
  while (!bytes.empty()) {
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof size);
    records.emplace_back(bytes.substr(sizeof size, size));
    bytes.remove_prefix(sizeof size + size);
  }
}

class HybridCommunicator final : public Communicator {
 public:
  HybridCommunicator(std::unique_ptr<Communicator> local, Communicator& processes)
      : local_(std::move(local)), processes_(processes) {}

  int rank() const override { return processes_.rank() * local_->world_size() + local_->rank(); }
  int world_size() const override { return processes_.world_size() * local_->world_size(); }

  void reduce(std::span<float> data, float scale, Payload payload) override {
    local_->reduce(data, 1, Payload::kFloat32);
    if (leads()) processes_.reduce(data, scale, payload);
    local_->broadcast(data, 0);
  }

  void broadcast(std::span<float> data, int root) override {
    const int process = root / local_->world_size();
    if (process == processes_.rank()) local_->broadcast(data, root % local_->world_size());
    if (leads()) processes_.broadcast(data, process);
    local_->broadcast(data, 0);
  }

  std::vector<std::string> gather(std::string_view record) override {
    const std::vector<std::string> own = local_->gather(record);
    std::string everything;
    if (leads()) everything = pack(processes_.gather(pack(own)));
    std::vector<std::string> by_process, all;
    unpack(local_->gather(everything).front(), by_process);
    for (const std::string& records : by_process) unpack(records, all);
    return all;
  }

  void barrier() override {
    local_->barrier();
    if (leads()) processes_.barrier();
    local_->barrier();
  }

  void heartbeat() override {
    local_->heartbeat();
    if (leads()) processes_.heartbeat();
  }

  void abort(const std::string& reason) override {
    local_->abort(reason);
    processes_.abort(reason);
  }

 private:
  bool leads() const { return local_->rank() == 0; }

  std::unique_ptr<Communicator> local_;
  Communicator& processes_;
};

}  // namespace

std::unique_ptr<Communicator> make_hybrid_communicator(std::unique_ptr<Communicator> local,
                                                       Communicator& processes) {
  if (processes.world_size() == 1) return local;
  return std::make_unique<HybridCommunicator>(std::move(local), processes);
}

}  // namespace miniray
