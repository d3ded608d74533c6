#include "gan/replica.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/error.h"
#include "gan/epoch_runner.h"
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
        "wgan-gp and R1 need a discriminator whose samples do not depend on each other (without "
        "batch normalisation or minibatch standard deviation): " +
        std::string(error.what()));
  }
}

AdamOptions discriminator_optimizer(const GanOptions& options) {
  AdamOptions optimizer = options.optimizer;
  optimizer.lr = options.discriminator_lr.value_or(optimizer.lr);
  return optimizer;
}

}  // namespace

Replica::Replica(const ThreadBudget& threads, Communicator& communicator, const GanOptions& options)
    : threads_(threads),
      communicator_(communicator),
      seed_(options.seed),
      objective_(options.objective),
      schedule_(options.schedule),
      ema_(checked_ema(options.ema)),
      state_(options.model, options.optimizer, discriminator_optimizer(options), options.seed,
             options.precision) {
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
  fields.add("epoch_steps", epoch_steps_);
  fields.add("g_loss", g_loss_);
  if (last_average_) last_average_->declare("last_average", state_, fields);
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
