#include "gan/epoch_runner.h"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "engine/error.h"
#include "nn/moving_average.h"

namespace miniray {

EpochRunner::EpochRunner(Replica& replica, const Dataset& dataset, const TrainOptions& options,
                         const Observers& observers, const std::atomic<bool>* stop,
                         ParameterSync& sync, Checkpointer& checkpoints, StepBuffers& buffers,
                         EpochReport& report)
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
  keep_place();
  if (options.sync.unit != SyncUnit::kGradients) return;
  hook_ = [this](std::span<float> gradients) { sync_.average_gradients(gradients); };
}

EpochEnd EpochRunner::run() {
  while (true) {
    const bool at_end = replica_.steps_in_epoch_ == batches_.count();
    if (at_end || meets_in_next_step() || asked_to_stop() || checkpoints_.due() || diverged()) {
      const auto all = meet(at_end);
      if (any(all, &RankStatus::diverged)) {
        go_back();
        return EpochEnd::kRolledBack;
      }
      if (any(all, &RankStatus::stop)) return EpochEnd::kStopped;
      if (any(all, &RankStatus::save)) continue;  // some have steps to do before all are here again
      if (at_end) {
        finish(all);
        return EpochEnd::kDone;
      }
    }
    step(batches_.batch(replica_.steps_in_epoch_));
  }
}

EpochBatches EpochRunner::make_batches() const {
  if (options_.sync.unit == SyncUnit::kGradients) {
    return EpochBatches::from_global_order(dataset_, replica_.seed_, communicator(), report_.epoch,
                                           step_size());
  }
  const Sharding sharding =
      options_.sharding ? options_.sharding : make_sharding("contiguous", replica_.seed_);
  return EpochBatches::from_shards(dataset_, sharding, replica_.seed_, communicator(),
                                   report_.epoch, step_size());
}

void EpochRunner::keep_place() {
  const std::int64_t before = replica_.epoch_steps_, now = batches_.count();
  replica_.epoch_steps_ = now;
  const std::int64_t done = replica_.steps_in_epoch_;
  if (done == 0 || before == now || before == 0) return;
  replica_.steps_in_epoch_ = std::min(done, before) * now / before;
  const double ratio = static_cast<double>(replica_.steps_in_epoch_) / static_cast<double>(done);
  for (double* sum : {&replica_.sums_.d_loss, &replica_.sums_.g_loss, &replica_.sums_.d_real,
                      &replica_.sums_.d_fake}) {
    *sum *= ratio;
  }
}

std::vector<RankStatus> EpochRunner::meet(bool at_end) {
  const bool last = report_.epoch == report_.epochs;
  const bool save = checkpoints_.due() || (at_end && checkpoints_.due_at_end(last));
  auto all = exchange_status(
      communicator(), {asked_to_stop(), save, diverged(), mean(replica_.sums_, batches_.count())});
  if (any(all, &RankStatus::diverged)) return all;
  const bool stop = any(all, &RankStatus::stop);
  if (stop ? checkpoints_.due_at_stop() : any(all, &RankStatus::save)) {
    checkpoints_.save();
  }
  return all;
}

void EpochRunner::go_back() {
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

StepOptions EpochRunner::step_options(std::int64_t step) const {
  const std::int64_t interval = options_.gradient_norms;
  return {.objective = replica_.objective_,
          .hook = hook_,
          .gradient_norms = interval > 0 && (step - 1) % interval == 0,
          .clip_norm = options_.clip_norm,
          .train_generator = (step - 1) % options_.d_steps == 0,
          .augmentation = options_.augmentation};
}

void EpochRunner::scale_learning_rates(std::int64_t step, std::int64_t number) {
  const double part_of_epoch =
      static_cast<double>(number - 1) / static_cast<double>(batches_.count());
  const double progress = (static_cast<double>(report_.epoch - 1) + part_of_epoch) /
                          static_cast<double>(report_.epochs);
  const double factor =
      replica_.lr_scale_ * learning_rate_factor(replica_.schedule_, step, progress);
  replica_.state_.generator_adam.scale_lr(factor);
  replica_.state_.discriminator_adam.scale_lr(factor);
}

void EpochRunner::step(const Batch& batch) {
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

std::optional<StepResult> EpochRunner::attempt(const Batch& batch, const StepKey& key,
                                               std::int64_t number) {
  StepResult result;
  try {
    result = train(batch, key, number);
  } catch (const std::exception& error) {
    if (!may_take_average()) give_up(error, key.step);
    fail(error.what(), key.step);
    return std::nullopt;
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

StepResult EpochRunner::train(const Batch& batch, const StepKey& key, std::int64_t number) {
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

void EpochRunner::give_up(const std::exception& error, std::int64_t step) const {
  const auto* const known = dynamic_cast<const Error*>(&error);
  if (known != nullptr && known->kind() == ErrorKind::kCommunication) throw;
  const std::string message =
      std::string(error.what()) + " at step " + std::to_string(step) + checkpoints_.last_good();
  if (known != nullptr) throw Error(known->kind(), message);
  throw std::runtime_error(message);
}

void EpochRunner::fail(const std::string& what, std::int64_t step) {
  const std::string message = what + " at step " + std::to_string(step);
  if (!may_take_average()) {
    divergence_ = message;
    return;
  }
  ++replica_.failures_;
  replica_.take_average();
  tell(message + "; the worker goes on from the last average");
}

void EpochRunner::tell(const std::string& message) const {
  if (options_.on_failure) options_.on_failure(communicator().rank(), message);
}

void EpochRunner::finish(const std::vector<RankStatus>& all) {
  for (const RankStatus& status : all) {
    report_.workers.push_back(status.means);
    report_.mean += status.means;
  }
  report_.mean = mean(report_.mean, static_cast<std::int64_t>(all.size()));
  report_.step = replica_.step_;
}

}  // namespace miniray
