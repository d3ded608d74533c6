#include "gan/metrics/feature_run.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>

#include "engine/span.h"
#include "runtime/runtime.h"

namespace miniray {
namespace {

constexpr std::size_t kChunksInFlight = 2;  // of each worker: one in hand, one waiting

// Reads pictures and runs the network, on a thread of its own.
class FeatureWorker {
 public:
  FeatureWorker(const ThreadBudget& threads, std::shared_ptr<const FeatureNetwork> network,
                const PictureSource& source)
      : threads_(threads.threads()),
        network_(std::move(network)),
        read_(source.open(threads_)),
        pass_(network_->make_pass(threads_)) {}

  FeatureChunk run(std::int64_t first, std::int64_t count) {
    FeatureChunk chunk{first, count, {}, {}};
    chunk.features.resize(static_cast<std::size_t>(count * network_->features()));
    chunk.logits.resize(static_cast<std::size_t>(count * network_->classes()));
    pass_->run(read_(first, count), chunk.features, chunk.logits);
    return chunk;
  }

 private:
  const ThreadBudget threads_;
  const std::shared_ptr<const FeatureNetwork> network_;
  const PictureReader read_;
  const std::unique_ptr<FeaturePass> pass_;
};

// The chunks, dealt to the processes and to the workers of each in turn.
class FeatureRun {
 public:
  FeatureRun(const std::shared_ptr<const FeatureNetwork>& network, const PictureSource& source,
             const FeatureWorkers& workers, Communicator& processes)
      : processes_(processes),
        count_(source.count),
        width_(network->features() + network->classes()),
        features_(network->features()),
        runtime_({.threads_per_actor = workers.threads_per_worker}) {
    for (int i = 0; i < workers.workers; ++i) {
      workers_.push_back(runtime_.remote<FeatureWorker>(network, source));
    }
  }

  void run(const FeatureSink& sink) {
    const std::int64_t round = processes_.world_size() * kFeatureChunk;
    for (std::int64_t first = 0; first < count_; first += round) {
      fill_queue();
      join_round(first, sink);
    }
  }

 private:
  void fill_queue() {
    const std::int64_t round = processes_.world_size() * kFeatureChunk;
    while (queue_.size() < kChunksInFlight * workers_.size()) {
      const std::int64_t first = next_round_ * round + processes_.rank() * kFeatureChunk;
      if (first >= count_) return;
      auto& worker = workers_[static_cast<std::size_t>(next_round_++) % workers_.size()];
      queue_.push_back(
          worker.call(&FeatureWorker::run, first, std::min(kFeatureChunk, count_ - first)));
    }
  }

  // One chunk of each process, from picture `first` on.
  void join_round(std::int64_t first, const FeatureSink& sink) {
    FeatureChunk own;
    if (!queue_.empty()) {
      own = queue_.front().get();
      queue_.pop_front();
    }
    processes_.heartbeat();
    if (processes_.world_size() == 1) return sink(own);
    for (const std::string& record : processes_.gather(pack(own))) {
      if (processes_.rank() == 0 && !record.empty()) sink(unpack(record, first));
      first += kFeatureChunk;
    }
  }

  static std::string pack(const FeatureChunk& chunk) {
    const auto bytes = [](const std::vector<float>& values) {
      return std::string(reinterpret_cast<const char*>(values.data()),
                         values.size() * sizeof(float));
    };
    return bytes(chunk.features) + bytes(chunk.logits);
  }

  FeatureChunk unpack(const std::string& record, std::int64_t first) const {
    const std::int64_t count = static_cast<std::int64_t>(record.size() / sizeof(float)) / width_;
    FeatureChunk chunk{first, count, {}, {}};
    chunk.features.resize(static_cast<std::size_t>(count * features_));
    chunk.logits.resize(static_cast<std::size_t>(count * (width_ - features_)));
    const std::size_t size = chunk.features.size() * sizeof(float);
    std::memcpy(chunk.features.data(), record.data(), size);
    std::memcpy(chunk.logits.data(), record.data() + size, record.size() - size);
    return chunk;
  }

  Communicator& processes_;
  const std::int64_t count_, width_, features_;
  Runtime runtime_;
  std::vector<Actor<FeatureWorker>> workers_;
  std::deque<Future<FeatureChunk>> queue_;
  std::int64_t next_round_ = 0;
};

}  // namespace

void run_features(const std::shared_ptr<const FeatureNetwork>& network, const PictureSource& source,
                  const FeatureWorkers& workers, Communicator& processes, const FeatureSink& sink) {
  network->check_images(source.image_shape);
  FeatureRun(network, source, workers, processes).run(sink);
}

}  // namespace miniray
