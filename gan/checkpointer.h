// When checkpoints are made, and how the ranks of a world make and take them up together.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "engine/state_fields.h"
#include "gan/checkpoint_folder.h"
#include "runtime/communicator.h"

namespace miniray {

// What became of a checkpoint.
struct CheckpointReport {
  enum class Kind {
    kSaved,
    kNotSaved,  // the message says why; the older ones stand
    kResumed,   // a message: from another number of workers
    kDamaged,   // the message says how; an older one is tried
  };
  Kind kind;
  std::int64_t epoch = 0, step = 0;  // the epoch in hand; steps since training began, of rank 0
  std::filesystem::path path;        // of the checkpoint
  double seconds = 0;
  std::string message{};
};

struct CheckpointOptions {
  std::filesystem::path folder{};  // of all the run's; empty: the collector's, or no checkpoints
  std::int64_t every_epochs = 0;   // epochs between two; 0: none
  // Between two, besides; in the middle of an epoch where it must be. Empty: none.
  std::optional<std::chrono::duration<double>> every{};
  std::int64_t keep = 3;  // the newest, and the best where one is marked
  bool resume = false;    // training goes on from the newest whole one
  std::string data{};     // identifies the data set; one with another is not gone on from
  // Told on rank 0's training thread.
  std::function<void(const CheckpointReport&)> told{};

  // With neither, nothing is saved, also where training stops or ends.
  bool saves() const { return every_epochs > 0 || every; }
};

// One on each rank, with equal options. Each rank writes and reads its own part.
class Checkpointer {
 public:
  // All must outlive this. state: this rank's, of which epoch and step are a part. Throws invalid
  // argument.
  Checkpointer(const CheckpointOptions& options, Communicator& communicator, StateFields state,
               const std::int64_t& epoch, const std::int64_t& step);

  // By this rank's clock, and a step since the last; ranks save together once one of them asks.
  bool due() const;
  // Whether this epoch's end is a time for one, unless it is saved. last: of all epochs.
  bool due_at_end(bool last) const;
  // Whether one should be made where training stops before its end.
  bool due_at_stop() const { return options_.saves(); }

  // Whether this training saved one, or came from one.
  bool has_one() const { return !last_path_.empty(); }
  // The end of a message: which that is, if any.
  std::string last_good() const;

  // Collectives.
  // What cannot be written is told, not thrown; then no checkpoint came or went.
  void save();
  // Overwrites the state of every rank with that of the newest checkpoint that is whole on all of
  // them; of another number of ranks, with the average (gan/state_average.h). False, and nothing
  // done, where none was ever saved. Throws not found where there are some but none is whole,
  // invalid argument where it does not fit.
  bool restore();

 private:
  using Clock = std::chrono::steady_clock;

  // Writes this rank's part: its digest, or why there is none.
  struct Written {
    bool done;
    std::string text;
  };
  Written write_part(const std::string& name) const;
  // Rank 0: of the parts, the whole.
  Written complete(const std::string& name, const std::vector<std::string>& parts) const;
  // Whether every rank's part was read, and if so, taken.
  bool take(const std::string& name, const Manifest& manifest);
  // Of as many ranks as there are: what is wrong with the parts, or nothing, and they are taken.
  std::string take_own_part(const std::string& name, const Manifest& manifest);
  void tell(CheckpointReport report) const;

  const CheckpointOptions& options_;
  Communicator& communicator_;
  const StateFields state_;
  const std::int64_t& epoch_;
  const std::int64_t& step_;
  const CheckpointFolder folder_;
  Clock::time_point last_ = Clock::now();
  std::filesystem::path last_path_;
  std::int64_t last_step_ = -1;  // of this rank, at the last one
};

}  // namespace miniray
