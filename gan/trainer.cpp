#include "gan/trainer.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/model_file.h"

namespace miniray {
namespace {

// What a worker gets to end in once another has failed: it has a step in hand.
constexpr std::chrono::milliseconds kGrace = std::chrono::seconds(10);

GanOptions options_of(std::int64_t latent_dim, double lr) {
  GanOptions options;
  options.model.latent_dim = latent_dim;
  options.optimizer.lr = lr;
  return options;
}

void save(const std::filesystem::path& dir, const GanSpec& spec, const Network<float>& generator,
          const Network<float>& discriminator) {
  make_writable_folder(dir);
  save_network(dir / "generator.safetensors", Role::kGenerator, spec, generator);
  save_network(dir / "discriminator.safetensors", Role::kDiscriminator, spec, discriminator);
}

std::unique_ptr<Communicator> join(ThreadWorld& world, int local_rank, ProcessGroup* processes) {
  auto local = world.communicator(local_rank);
  if (processes == nullptr) return local;
  return make_hybrid_communicator(std::move(local), processes->communicator());
}

}  // namespace

GanTrainer::GanTrainer(std::int64_t latent_dim, double lr)
    : GanTrainer(options_of(latent_dim, lr)) {}

GanTrainer::GanTrainer(const GanOptions& options, int threads)
    : threads_(threads),
      communicator_(make_single_communicator()),
      replica_(threads_, *communicator_, options) {}

TrainResult GanTrainer::train(const Dataset& dataset, const TrainOptions& options,
                              const Observers& observers, const std::atomic<bool>* stop) {
  return replica_.train(dataset, options, observers, stop);
}

void GanTrainer::save_models(const std::filesystem::path& dir) const {
  save(dir, state().spec, state().generator, state().discriminator);
}

ReplicaActor::ReplicaActor(const ThreadBudget& threads, ThreadWorld* world, int local_rank,
                           ProcessGroup* processes, const GanOptions& options)
    : communicator_(join(*world, local_rank, processes)),
      replica_(threads, *communicator_, options) {}

TrainResult ReplicaActor::train(const Dataset* dataset, TrainOptions options, Observers observers,
                                const std::atomic<bool>* stop) {
  try {
    return replica_.train(*dataset, options, observers, stop);
  } catch (const std::exception& error) {
    communicator_->abort(error.what());
    throw;
  }
}

DistributedGanTrainer::DistributedGanTrainer(int num_workers, std::int64_t latent_dim, double lr)
    : DistributedGanTrainer(options_of(latent_dim, lr), WorkerOptions{.num_workers = num_workers}) {
}

DistributedGanTrainer::DistributedGanTrainer(const GanOptions& options,
                                             const WorkerOptions& workers)
    : options_(workers),
      world_(workers.num_workers, workers.timeout),
      runtime_(
          {.threads_per_actor = workers.threads_per_worker, .pin_to_cores = workers.pin_to_cores}) {
  std::vector<Future<const Replica*>> replicas;
  for (int rank = 0; rank < workers.num_workers; ++rank) {
    actors_.push_back(runtime_.remote<ReplicaActor>(&world_, rank, workers.processes, options));
    replicas.push_back(actors_.back().call(&ReplicaActor::replica));
  }
  replicas_ = get(replicas);
  if (workers.processes == nullptr) return;
  first_rank_ = workers.processes->communicator().rank() * workers.num_workers;
  // While the first worker waits for other processes, those of its own wait for it.
  workers.processes->set_wait_hook([this] { world_.beat(0); });
}

DistributedGanTrainer::~DistributedGanTrainer() {
  if (!hang_reason_.empty() && options_.on_hang) options_.on_hang(hang_reason_);
  if (options_.processes != nullptr) options_.processes->set_wait_hook({});
}

std::vector<std::size_t> DistributedGanTrainer::wait_for(
    const std::vector<Future<TrainResult>>& results) const {
  // Where one hangs, the first to end is one that gave it up: the world has failed by then.
  wait(results, 1);
  if (!world_.failed_rank()) return wait(results, results.size());
  return wait(results, results.size(), std::min(kGrace, options_.timeout));
}

TrainResult DistributedGanTrainer::train(const Dataset& dataset, const TrainOptions& options,
                                         const Observers& observers,
                                         const std::atomic<bool>* stop) {
  std::vector<Future<TrainResult>> results;
  for (auto& actor : actors_) {
    const bool observed = first_rank_ == 0 && results.empty();
    results.push_back(actor.call(&ReplicaActor::train, &dataset, options,
                                 observed ? observers : Observers{}, stop));
  }
  const auto ended = wait_for(results);
  try {
    // The others only say that this one failed.
    const auto failed = world_.failed_rank();
    if (failed && results[static_cast<std::size_t>(*failed)].ready()) {
      results[static_cast<std::size_t>(*failed)].get();
    }
    TrainResult first;
    for (const std::size_t index : ended) {
      TrainResult result = results[index].get();
      if (index == 0) first = std::move(result);
    }
    return first;
  } catch (const std::exception& error) {
    if (ended.size() < results.size()) hang_reason_ = error.what();
    throw;
  }
}

void DistributedGanTrainer::save_models(const std::filesystem::path& dir) const {
  for (std::size_t rank = 0; rank < replicas_.size(); ++rank) {
    const auto& own = replicas_[rank]->own_networks();
    if (!own) continue;
    const std::string folder = "worker_" + std::to_string(first_rank_ + static_cast<int>(rank));
    save(dir / folder, state().spec, own->generator, own->discriminator);
  }
  if (first_rank_ != 0) return;
  save(dir, state().spec, state().generator, state().discriminator);
}

}  // namespace miniray
