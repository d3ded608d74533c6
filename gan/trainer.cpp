#include "gan/trainer.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/collector.h"
#include "gan/model_file.h"

namespace miniray {
namespace {

// What a worker gets to end in once another has failed: it has a step in hand.
constexpr std::chrono::milliseconds kGrace = std::chrono::seconds(10);

constexpr const char* kGeneratorFile = "generator.safetensors";
constexpr const char* kDiscriminatorFile = "discriminator.safetensors";

GanOptions options_of(std::int64_t latent_dim, double lr) {
  GanOptions options;
  options.model.latent_dim = latent_dim;
  options.optimizer.lr = lr;
  return options;
}

void save(const std::filesystem::path& dir, const GanSpec& spec, const Network<float>& generator,
          const Network<float>& discriminator) {
  make_writable_folder(dir);
  save_network(dir / kGeneratorFile, Role::kGenerator, spec, generator);
  save_network(dir / kDiscriminatorFile, Role::kDiscriminator, spec, discriminator);
}

const std::string kWorker = "worker_";

std::string worker_folder(int rank) { return kWorker + std::to_string(rank); }

// What a training with more workers left there: beside this average it would mislead.
void remove_workers_from(const std::filesystem::path& dir, int first) {
  std::vector<std::filesystem::path> folders;
  std::error_code ignored;  // there is no such folder, another process has removed it
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kWorker)) continue;
    const int rank = std::atoi(name.c_str() + kWorker.size());
    if (name == worker_folder(rank) && rank >= first) folders.push_back(entry.path());
  }
  for (const auto& folder : folders) {
    std::filesystem::remove(folder / kGeneratorFile, ignored);
    std::filesystem::remove(folder / kDiscriminatorFile, ignored);
    std::filesystem::remove(folder, ignored);  // where nothing else is in it
  }
}

// The collector first: it takes the time.
Observers with_collector(Collector* collector, int local_rank, const Observers& observers) {
  Observers told;
  if (collector != nullptr) told.push_back(&collector->worker(local_rank));
  told.insert(told.end(), observers.begin(), observers.end());
  return told;
}

// The collector's run keeps the checkpoints, and the records of them and of failures.
TrainOptions told_to_collector(TrainOptions options) {
  Collector* const collector = options.collector;
  CheckpointOptions& checkpoints = options.checkpoints;
  if (collector == nullptr) return options;
  if (checkpoints.folder.empty()) checkpoints.folder = collector->folder() / "checkpoints";
  checkpoints.told = [collector, told = checkpoints.told](const CheckpointReport& report) {
    collector->checkpoint(report);
    if (told) told(report);
  };
  options.on_failure = [collector, told = options.on_failure](int rank,
                                                              const std::string& message) {
    collector->failure_survived(rank, message);
    if (told) told(rank, message);
  };
  return options;
}

bool is_of_others(const std::exception& error) {
  const auto* const known = dynamic_cast<const Error*>(&error);
  return known != nullptr && known->kind() == ErrorKind::kCommunication;
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
    : options_(options),
      threads_(threads),
      communicator_(make_single_communicator()),
      replica_(threads_, *communicator_, options) {}

TrainResult GanTrainer::train(const Dataset& dataset, const TrainOptions& options,
                              const Observers& observers, const std::atomic<bool>* stop) {
  Collector* const collector = options.collector;
  if (collector == nullptr) return replica_.train(dataset, options, observers, stop);
  collector->begin({dataset, options_, options, state(), 1, threads_.threads()}, *communicator_);
  try {
    const auto told = with_collector(collector, 0, observers);
    TrainResult result = replica_.train(dataset, told_to_collector(options), told, stop);
    if (result.stopped) collector->stopped();
    return result;
  } catch (const std::exception& error) {
    collector->fail(error.what());
    throw;
  }
}

void GanTrainer::save_models(const std::filesystem::path& dir) const {
  save(dir, state().spec, state().sampling_generator(), state().discriminator);
  remove_workers_from(dir, 0);
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
    : gan_options_(options),
      options_(workers),
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

std::vector<Future<TrainResult>> DistributedGanTrainer::start(const Dataset& dataset,
                                                              const TrainOptions& options,
                                                              const Observers& observers,
                                                              const std::atomic<bool>* stop) {
  Collector* const collector = options.collector;
  if (collector != nullptr) {
    const auto alone = make_single_communicator();
    collector->begin({dataset, gan_options_, options, state(), options_.num_workers,
                      options_.threads_per_worker},
                     options_.processes != nullptr ? options_.processes->communicator() : *alone);
  }
  const TrainOptions for_workers = told_to_collector(options);
  std::vector<Future<TrainResult>> results;
  for (int rank = 0; rank < options_.num_workers; ++rank) {
    const bool observed = first_rank_ == 0 && rank == 0;
    auto told = with_collector(collector, rank, observed ? observers : Observers{});
    results.push_back(actors_[static_cast<std::size_t>(rank)].call(
        &ReplicaActor::train, &dataset, for_workers, std::move(told), stop));
  }
  return results;
}

TrainResult DistributedGanTrainer::train(const Dataset& dataset, const TrainOptions& options,
                                         const Observers& observers,
                                         const std::atomic<bool>* stop) {
  auto results = start(dataset, options, observers, stop);
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
    if (options.collector != nullptr && first.stopped) options.collector->stopped();
    return first;
  } catch (const std::exception& error) {
    const bool hangs = ended.size() < results.size();
    if (hangs) hang_reason_ = error.what();
    if (options.collector != nullptr) {
      record_failure(*options.collector, error.what(), !hangs && is_of_others(error));
    }
    throw;
  }
}

void DistributedGanTrainer::record_failure(Collector& collector, const std::string& message,
                                           bool heard_of_it) const {
  collector.fail(message);
  if (!heard_of_it || process_count() == 1) {
    collector.worker_lost(first_rank_ + world_.failed_rank().value_or(0), message);
    return;
  }
  // The process that failed tells which of its workers did, unless it cannot.
  const auto silent = options_.processes->silent_process();
  if (silent && first_rank_ == 0) {
    collector.worker_lost(*silent * options_.num_workers, message);
  }
}

int DistributedGanTrainer::process_count() const {
  return options_.processes == nullptr ? 1 : options_.processes->communicator().world_size();
}

void DistributedGanTrainer::save_models(const std::filesystem::path& dir) const {
  for (std::size_t rank = 0; rank < replicas_.size(); ++rank) {
    const auto& own = replicas_[rank]->own_networks();
    if (!own) continue;
    const std::string folder = worker_folder(first_rank_ + static_cast<int>(rank));
    save(dir / folder, state().spec, own->generator, own->discriminator);
  }
  const int workers = options_.num_workers * process_count();
  remove_workers_from(dir, workers > 1 ? workers : 0);
  if (first_rank_ != 0) return;
  save(dir, state().spec, state().sampling_generator(), state().discriminator);
}

}  // namespace miniray
