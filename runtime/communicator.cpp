#include "runtime/communicator.h"

namespace miniray {
namespace {

class SingleCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int world_size() const override { return 1; }
  void reduce(std::span<float> data, float scale, Payload) override {
    if (scale == 1.0F) return;
    for (float& value : data) value *= scale;
  }
  void broadcast(std::span<float>, int) override {}
  std::vector<std::string> gather(std::string_view record) override {
    return {std::string(record)};
  }
  // With no other rank there is nobody to wait for or to tell.
  void barrier() override {}
  void heartbeat() override {}
  void abort(const std::string&) override {}
};

}  // namespace

std::unique_ptr<Communicator> make_single_communicator() {
  return std::make_unique<SingleCommunicator>();
}

}  // namespace miniray
