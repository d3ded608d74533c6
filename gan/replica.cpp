#include "gan/replica.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/error.h"
#include "gan/rank_status.h"
#include "nn/moving_average.h"

namespace miniray {
namespace {

double checked_ema(double decay) {
  if (decay >= 0 && decay < 1) return decay;
  throw invalid_argument("the decay of an average must be from 0 to below 1, not " +
                         std::to_string(decay));
}

void check(const Dataset& dataset, const GanSpec& spec, const TrainOptions& options) {
  if (dataset.sample_shape() != spec.image_shape) {
    throw invalid_argument("the data set " + dataset.name() + " has pictures of " +
                           dataset.sample_shape().to_string() + ", the model makes " +
                           spec.image_shape.to_string());
  }
  if (spec.conditional() && dataset.class_names() != spec.classes) {
    throw invalid_argument("the classes of the data set " + dataset.name() +
                           " are not those of the conditional model");
  }
  if (options.batch_size < EpochBatches::kMinBatch) {
    throw invalid_argument("the batch must have at least 2 pictures, not " +
                           std::to_string(options.batch_size) +
                           ": batch normalisation has no variance of one");
  }
  if (options.accumulate < 1) throw invalid_argument("a step takes at least 1 batch");
  if (options.d_steps < 1) throw invalid_argument("D takes at least 1 step for each of G");
  if (!(options.clip_norm >= 0)) throw invalid_argument("the norm to clip to is below 0");
  if (options.max_failures < 0) throw invalid_argument("the number of failures is below 0");
  if (options.gradient_norms < 0) throw invalid_argument("the steps between norms are below 0");
  if (options.epochs < 0) throw invalid_argument("the number of epochs is below 0");
}

// Where the objective penalises D's gradient, D must be a network whose second derivatives we have.
void check_discriminator(const Objective& objective, const NetworkPlan<float>& plan) {
  if (!objective.penalises()) return;
  try {
    check_piecewise_linear(plan);
  } catch (const Error& error) {
    throw invalid_argument(
        "wgan-gp and R1 need a discriminator without batch normalisation (d_norm none): " +
        std::string(error.what()));
  }
}

AdamOptions discriminator_optimizer(const GanOptions& options) {
  AdamOptions optimizer = options.optimizer;
  optimizer.lr = options.discriminator_lr.value_or(optimizer.lr);
  return optimizer;
}

}  // namespace

enum class EpochEnd { kDone, kStopped, kRolledBack };

// One epoch of one replica: its steps, and the averages between them.
class EpochRunner {
 public:
  EpochRunner(Replica& replica, const Dataset& dataset, const TrainOptions& options,
              const Observers& observers, const std::atomic<bool>* stop, ParameterSync& sync,
              Checkpointer& checkpoints, StepBuffers& buffers, EpochReport& report)
      : replica_(replica),
        dataset_(dataset),
        options_(options),
        observers_(observers),
        stop_(stop),
        sync_(sync),
        checkpoints_(checkpoints),
        buffers_(buffers),
        report_(report),
        batches_(make_batches()) {
    if (options.sync.unit != SyncUnit::kGradients) return;
    hook_ = [this](std::span<float> gradients) { sync_.average_gradients(gradients); };
  }

  // Goes on with the epoch where the replica stands in it.
  EpochEnd run() {
    while (true) {
      const bool at_end = replica_.steps_in_epoch_ == batches_.count();
      if (at_end || meets_in_next_step() || asked_to_stop() || checkpoints_.due() || diverged()) {
        const auto all = meet(at_end);
        if (any(all, &RankStatus::diverged)) {
          go_back();
          return EpochEnd::kRolledBack;
        }
        if (any(all, &RankStatus::stop)) return EpochEnd::kStopped;
        if (any(all, &RankStatus::save))
          continue;  // some have steps to do before all are here again
        if (at_end) {
          finish(all);
          return EpochEnd::kDone;
        }
      }
      step(batches_.batch(replica_.steps_in_epoch_));
    }
  }

 private:
  EpochBatches make_batches() const {
    if (options_.sync.unit == SyncUnit::kGradients) {
      return EpochBatches::from_global_order(dataset_, replica_.seed_, communicator(),
                                             report_.epoch, step_size());
    }
    const Sharding sharding =
        options_.sharding ? options_.sharding : make_sharding("contiguous", replica_.seed_);
    return EpochBatches::from_shards(dataset_, sharding, replica_.seed_, communicator(),
                                     report_.epoch, step_size());
  }

  bool diverged() const { return !divergence_.empty(); }
  bool averages_parameters() const {
    return options_.sync.unit != SyncUnit::kGradients && communicator().world_size() > 1;
  }
  bool may_go_back() const { return options_.divergence_guard && replica_.roll_backs_ == 0; }

  bool asked_to_stop() const { return stop_ != nullptr && stop_->load(); }

  // A rank leaves its steps only to exchange its status with all others, who come to the same place
  // in time: so none is left waiting. What they want to do together, they do here.
  std::vector<RankStatus> meet(bool at_end) {
    const bool last = report_.epoch == report_.epochs;
    const bool save = checkpoints_.due() || (at_end && checkpoints_.due_at_end(last));
    auto all = exchange_status(communicator(), {asked_to_stop(), save, diverged(),
                                                mean(replica_.sums_, batches_.count())});
    if (any(all, &RankStatus::diverged)) return all;
    const bool stop = any(all, &RankStatus::stop);
    if (stop ? checkpoints_.due_at_stop() : any(all, &RankStatus::save)) {
      checkpoints_.save();
    }
    return all;
  }

  // Throws where that cannot be, on the ranks whose losses it is about; others hear of it.
  void go_back() {
    if (may_go_back() && replica_.roll_back(checkpoints_)) {
      if (diverged())
        tell(divergence_ + "; all go back to the last checkpoint, to learn half as fast");
      return;
    }
    if (diverged()) {
      throw Error(ErrorKind::kDiverged,
                  divergence_ + ": a smaller learning rate may help" + checkpoints_.last_good());
    }
    communicator().barrier();
  }

  std::int64_t step_size() const { return options_.batch_size * options_.accumulate; }

  bool meets_in_next_step() const {
    return options_.sync.unit == SyncUnit::kGradients || sync_.due_after_step(replica_.step_ + 1);
  }

  StepOptions step_options(std::int64_t step) const {
    const std::int64_t interval = options_.gradient_norms;
    return {.objective = replica_.objective_,
            .hook = hook_,
            .gradient_norms = interval > 0 && (step - 1) % interval == 0,
            .clip_norm = options_.clip_norm,
            .train_generator = (step - 1) % options_.d_steps == 0,
            .augmentation = options_.augmentation};
  }

  // By epochs, those of earlier trainings included.
  void scale_learning_rates(std::int64_t step, std::int64_t number) {
    const double part_of_epoch =
        static_cast<double>(number - 1) / static_cast<double>(batches_.count());
    const double progress = (static_cast<double>(report_.epoch - 1) + part_of_epoch) /
                            static_cast<double>(report_.epochs);
    const double factor =
        replica_.lr_scale_ * learning_rate_factor(replica_.schedule_, step, progress);
    replica_.state_.generator_adam.scale_lr(factor);
    replica_.state_.discriminator_adam.scale_lr(factor);
  }

  void step(const Batch& batch) {
    const auto size = static_cast<std::int64_t>(batch.pictures.size());
    const StepKey key{replica_.seed_, batch.stream_rank, ++replica_.step_, batch.samples};
    const std::int64_t number = ++replica_.steps_in_epoch_;
    const std::optional<StepResult> result = attempt(batch, key, number);
    communicator().heartbeat();
    std::optional<SyncReport> sync;
    if (sync_.due_after_step(key.step)) {
      sync = report_.sync = sync_.sync();
      replica_.keep_average();
    }
    GanState& state = replica_.state_;
    if (state.generator_average) {
      update_moving_average(replica_.threads_, decay_at_step(replica_.ema_, key.step),
                            state.generator, *state.generator_average);
    }
    const std::int64_t images = size * communicator().world_size();
    report_.images += images;
    if (!result) return;  // failed: but what all do together was done
    replica_.sums_ += *result;
    const StepReport step_report{report_.epoch, report_.epochs, number,   batches_.count(),
                                 images,        *result,        key.step, batches_.shard_size(),
                                 sync};
    for (TrainObserver* observer : observers_) observer->on_step(step_report);
  }

  // Empty where the step failed: then the replica has taken up the last average, or has diverged.
  std::optional<StepResult> attempt(const Batch& batch, const StepKey& key, std::int64_t number) {
    StepResult result;
    if (!averages_parameters()) {
      result = train(batch, key, number);
    } else {
      try {
        result = train(batch, key, number);
      } catch (const std::exception& error) {
        fail(error.what(), key.step);
        if (diverged()) throw;
        return std::nullopt;
      }
    }
    const LossHealth health = replica_.guard_.judge(result);
    if (health == LossHealth::kGood || (health == LossHealth::kExploding && !may_recover())) {
      replica_.g_loss_ = result.g_loss;
      return result;
    }
    fail(health == LossHealth::kNotFinite ? "the loss is not finite any more" : "the loss explodes",
         key.step);
    return std::nullopt;
  }

  StepResult train(const Batch& batch, const StepKey& key, std::int64_t number) {
    const auto size = static_cast<std::int64_t>(batch.pictures.size());
    GanState& state = replica_.state_;
    fill_batch(replica_.threads_, dataset_, batch.pictures, options_.flip,
               step_stream(key, RandomPurpose::kFlip), batch.samples.first, buffers_.real(size));
    draw_latents(key, state.spec.latent_dim, buffers_.latents(size));
    if (state.spec.conditional()) {
      std::ranges::transform(batch.pictures, buffers_.real_labels(size).begin(),
                             [&](std::uint32_t index) { return dataset_.label(index); });
      draw_labels(key, state.spec.class_count(), buffers_.fake_labels(size));
    }
    scale_learning_rates(key.step, number);
    const StepOptions step_options = this->step_options(key.step);
    StepResult result = train_step(replica_.threads_, key, size, state, buffers_, step_options);
    if (!step_options.train_generator) result.g_loss = replica_.g_loss_;
    return result;
  }

  bool may_take_average() const {
    return averages_parameters() && replica_.failures_ < options_.max_failures;
  }
  bool may_recover() const {
    return may_take_average() || (may_go_back() && checkpoints_.has_one());
  }

  // The replica goes on from the last average where it may, otherwise it has diverged.
  void fail(const std::string& what, std::int64_t step) {
    const std::string message = what + " at step " + std::to_string(step);
    if (!may_take_average()) {
      divergence_ = message;
      return;
    }
    ++replica_.failures_;
    replica_.take_average();
    tell(message + "; the worker goes on from the last average");
  }

  void tell(const std::string& message) const {
    if (options_.on_failure) options_.on_failure(communicator().rank(), message);
  }

  void finish(const std::vector<RankStatus>& all) {
    for (const RankStatus& status : all) {
      report_.workers.push_back(status.means);
      report_.mean += status.means;
    }
    report_.mean = mean(report_.mean, static_cast<std::int64_t>(all.size()));
    report_.step = replica_.step_;
  }

  Communicator& communicator() const { return replica_.communicator_; }

  Replica& replica_;
  const Dataset& dataset_;
  const TrainOptions& options_;
  const Observers& observers_;
  const std::atomic<bool>* stop_;
  ParameterSync& sync_;
  Checkpointer& checkpoints_;
  StepBuffers& buffers_;
  EpochReport& report_;
  const EpochBatches batches_;
  GradientHook hook_;
  std::string divergence_;  // why this replica cannot go on
};

Replica::Replica(const ThreadBudget& threads, Communicator& communicator, const GanOptions& options)
    : threads_(threads),
      communicator_(communicator),
      seed_(options.seed),
      objective_(options.objective),
      schedule_(options.schedule),
      ema_(checked_ema(options.ema)),
      state_(options.model, options.optimizer, discriminator_optimizer(options), options.seed) {
  check_discriminator(objective_, state_.discriminator.plan());
  if (ema_ > 0) state_.generator_average = state_.generator;
}

TrainResult Replica::train(const Dataset& dataset, const TrainOptions& options,
                           const Observers& observers, const std::atomic<bool>* stop) {
  check(dataset, state_.spec, options);
  StepBuffers buffers(state_, std::min(options.batch_size * options.accumulate, dataset.size()),
                      options.accumulate,
                      {.objective = objective_, .augmentation = options.augmentation});
  ParameterSync sync(options.sync, communicator_, sync_spans());
  const bool averages = options.sync.unit != SyncUnit::kGradients && communicator_.world_size() > 1;
  last_average_.reset();
  if (averages && options.max_failures > 0) {
    last_average_.emplace(GanNetworks{state_.generator, state_.discriminator});
  }
  Checkpointer checkpoints(options.checkpoints, communicator_, state_fields(sync), epoch_, step_);
  TrainResult result;
  const std::int64_t last_epoch = begin(options, checkpoints);
  while ((in_epoch_ || epoch_ < last_epoch) && !result.stopped) {
    const auto start = std::chrono::steady_clock::now();
    begin_epoch();
    EpochReport report;
    report.epoch = epoch_;
    report.epochs = last_epoch;
    const EpochEnd end =
        EpochRunner(*this, dataset, options, observers, stop, sync, checkpoints, buffers, report)
            .run();
    if (end == EpochEnd::kRolledBack) {
      std::erase_if(result.history, [&](const auto& past) { return past.epoch >= epoch_; });
      continue;
    }
    result.stopped = end == EpochEnd::kStopped;
    in_epoch_ = false;
    const bool last = result.stopped || epoch_ == last_epoch;
    if (last && communicator_.world_size() > 1) {
      own_networks_.emplace(GanNetworks{state_.generator, state_.discriminator});
    }
    if (last || sync.due_after_epoch(epoch_)) report.sync = last ? sync.finish() : sync.sync();
    if (report.sync) keep_average();
    if (last && state_.generator_average) average_over_ranks(*state_.generator_average);
    if (result.stopped) break;
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    result.history.push_back(report);
    for (TrainObserver* observer : observers) {
      observer->on_epoch(report, state_.sampling_generator());
    }
  }
  return result;
}

StateFields Replica::state_fields(ParameterSync& sync) {
  StateFields fields;
  state_.declare(fields);
  sync.declare(fields);
  fields.add("step", step_);
  fields.add("epoch", epoch_);
  fields.add("steps_in_epoch", steps_in_epoch_);
  fields.add("g_loss", g_loss_);
  if (last_average_) last_average_->declare("last_average", fields);
  guard_.declare(fields);
  fields.add("lr_scale", lr_scale_);
  fields.add("roll_backs", roll_backs_);
  fields.add("failures", failures_);
  fields.add("epoch_sum.d_loss", sums_.d_loss);
  fields.add("epoch_sum.g_loss", sums_.g_loss);
  fields.add("epoch_sum.d_real", sums_.d_real);
  fields.add("epoch_sum.d_fake", sums_.d_fake);
  return fields;
}

std::int64_t Replica::begin(const TrainOptions& options, Checkpointer& checkpoints) {
  if (!options.checkpoints.resume) return epoch_ + options.epochs;
  in_epoch_ = checkpoints.restore();
  if (epoch_ > options.epochs) {
    throw invalid_argument("the run is in epoch " + std::to_string(epoch_) +
                           " already: it cannot be resumed to end with epoch " +
                           std::to_string(options.epochs));
  }
  return options.epochs;
}

void Replica::begin_epoch() {
  if (in_epoch_) return;  // that of a checkpoint
  in_epoch_ = true;
  ++epoch_;
  steps_in_epoch_ = 0;
  sums_ = {};
}

void Replica::keep_average() {
  if (!last_average_) return;
  last_average_->generator = state_.generator;
  last_average_->discriminator = state_.discriminator;
}

void Replica::take_average() {
  state_.generator = last_average_->generator;
  state_.discriminator = last_average_->discriminator;
  state_.generator_adam.reset();
  state_.discriminator_adam.reset();
}

bool Replica::roll_back(Checkpointer& checkpoints) {
  if (!checkpoints.has_one() || !checkpoints.restore()) return false;
  in_epoch_ = true;
  ++roll_backs_;
  lr_scale_ /= 2;
  return true;
}

// What each rank kept of its own steps.
void Replica::average_over_ranks(Network<float>& network) {
  communicator_.mean(network.parameters());
  communicator_.mean(network.statistics());
}

std::vector<SyncSpans> Replica::sync_spans() {
  const auto spans = [](Network<float>& network, Adam<float>& adam) {
    return SyncSpans{network.parameters(), network.statistics(), adam.first_moment(),
                     adam.second_moment()};
  };
  return {spans(state_.generator, state_.generator_adam),
          spans(state_.discriminator, state_.discriminator_adam)};
}

}  // namespace miniray
