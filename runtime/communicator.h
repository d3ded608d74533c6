// Ranks that compute together: what data-parallel replicas need of each other, and no more.
//
// All ranks of a world call the same functions in the same order with spans of equal length
// (collectives). Every implementation adds in rank order, so all agree bit for bit; a world of one
// is the identity. Where another rank fails, or shows no sign of life for the timeout, every rank's
// call throws Error(kCommunication) that names it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace miniray {

// As what numbers travel between ranks. bfloat16 halves the bytes: each rank's numbers are rounded
// before they are added (in float), and so is what is handed back.
enum class Payload { kFloat32, kBfloat16 };

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int world_size() const = 0;

  // data[i] = scale * (rank 0's + rank 1's + ..), in place, the same bits on every rank.
  virtual void reduce(std::span<float> data, float scale, Payload payload) = 0;
  // data = root's.
  virtual void broadcast(std::span<float> data, int root) = 0;
  // Every rank's record, by rank; the same on every rank. Records may differ in length.
  virtual std::vector<std::string> gather(std::string_view record) = 0;
  virtual void barrier() = 0;

  // A sign of life: called often, costs nothing. Another rank that waits for this one gives up when
  // none came for the timeout.
  virtual void heartbeat() = 0;
  // Ends the world: every call of another rank, now or later, throws with this rank and reason.
  virtual void abort(const std::string& reason) = 0;

  void mean(std::span<float> data, Payload payload = Payload::kFloat32) {
    reduce(data, 1.0F / static_cast<float>(world_size()), payload);
  }
};

// A world of one.
std::unique_ptr<Communicator> make_single_communicator();

}  // namespace miniray
