#include "runtime/parameter_sync.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "engine/error.h"
#include "engine/kernels/bfloat16.h"

namespace miniray {
namespace {

double square_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return sum;
}

// The mean over ranks of a number.
double mean_number(Communicator& communicator, double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  double sum = 0;
  const auto records = communicator.gather(text);
  for (const std::string& record : records) sum += std::strtod(record.c_str(), nullptr);
  return sum / static_cast<double>(records.size());
}

// Averaged gradients leave nothing for the parameters to differ in; alone, nothing travels.
Payload parameter_payload(const SyncPolicy& policy, const Communicator& communicator) {
  const bool plain = policy.unit == SyncUnit::kGradients || communicator.world_size() == 1;
  return plain ? Payload::kFloat32 : policy.payload;
}

}  // namespace

ParameterSync::ParameterSync(const SyncPolicy& policy, Communicator& communicator,
                             std::vector<SyncSpans> networks)
    : policy_(policy),
      communicator_(communicator),
      networks_(std::move(networks)),
      payload_(parameter_payload(policy, communicator)) {
  if (policy.interval < 1) {
    throw invalid_argument("the interval of the sync must be at least 1, not " +
                           std::to_string(policy.interval));
  }
  if (policy.unit == SyncUnit::kGradients && policy.outer != OuterStep::kMean) {
    throw invalid_argument("averaged gradients leave nothing for an outer step to do");
  }
  for (const SyncSpans& network : networks_) {
    const auto& parameters = network.parameters;
    const bool measured = policy_.unit != SyncUnit::kGradients && communicator_.world_size() > 1;
    if (measured || policy_.outer == OuterStep::kElastic) before_.emplace_back(parameters.size());
    if (policy_.outer == OuterStep::kNesterov) velocity_.emplace_back(parameters.size());
    if (policy_.outer != OuterStep::kMean || payload_ == Payload::kBfloat16) {
      anchors_.emplace_back(parameters.begin(), parameters.end());
    }
  }
}

bool ParameterSync::due_after_step(std::int64_t step) const {
  return policy_.unit == SyncUnit::kSteps && step % policy_.interval == 0;
}

bool ParameterSync::due_after_epoch(std::int64_t epoch) const {
  return policy_.unit == SyncUnit::kEpochs && epoch % policy_.interval == 0;
}

void ParameterSync::declare(StateFields& fields) {
  for (std::size_t i = 0; i < anchors_.size(); ++i) {
    fields.add("sync.anchor." + std::to_string(i), anchors_[i], networks_[i].parameters);
  }
  for (std::size_t i = 0; i < velocity_.size(); ++i) {
    fields.add("sync.velocity." + std::to_string(i), velocity_[i]);
  }
}

SyncReport ParameterSync::sync_all(bool last) {
  const auto start = std::chrono::steady_clock::now();
  SyncReport report;
  double distance = 0, count = 0;
  for (std::size_t i = 0; i < networks_.size(); ++i) {
    const SyncSpans& network = networks_[i];
    const bool measured = i < before_.size();
    if (measured) std::ranges::copy(network.parameters, before_[i].begin());
    average_parameters(i, report);
    if (measured) {
      distance += square_distance(before_[i], network.parameters);
      count += static_cast<double>(network.parameters.size());
    }
    outer_step(i, last);
    mean(network.statistics, Payload::kFloat32, report);
    sync_moments(network, report);
  }
  if (count > 0) report.divergence = std::sqrt(mean_number(communicator_, distance) / count);
  report.ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return report;
}

void ParameterSync::average_gradients(std::span<float> gradients) {
  communicator_.mean(gradients, policy_.payload);
}

void ParameterSync::average_parameters(std::size_t network, SyncReport& report) {
  const std::span<float> parameters = networks_[network].parameters;
  if (payload_ == Payload::kFloat32) return mean(parameters, payload_, report);
  const std::vector<float>& anchor = anchors_[network];
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] -= anchor[i];
  mean(parameters, payload_, report);
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] += anchor[i];
}

void ParameterSync::outer_step(std::size_t network, bool last) {
  if (policy_.outer == OuterStep::kElastic) return elastic_step(network, last);
  if (policy_.outer == OuterStep::kNesterov) nesterov_step(network);
  if (network >= anchors_.size()) return;
  std::ranges::copy(networks_[network].parameters, anchors_[network].begin());
}

// torch.optim.SGD's on the change since the last one.
void ParameterSync::nesterov_step(std::size_t network) {
  const std::span<float> parameters = networks_[network].parameters;
  const std::vector<float>& anchor = anchors_[network];
  std::vector<float>& velocity = velocity_[network];
  const auto lr = static_cast<float>(policy_.outer_lr);
  const auto momentum = static_cast<float>(policy_.outer_momentum);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const float change = anchor[i] - parameters[i];
    velocity[i] = momentum * velocity[i] + change;
    parameters[i] = anchor[i] - lr * (change + momentum * velocity[i]);
  }
}

void ParameterSync::elastic_step(std::size_t network, bool last) {
  const std::span<float> parameters = networks_[network].parameters;
  const std::vector<float>& own = before_[network];
  std::vector<float>& center = anchors_[network];
  const auto beta = static_cast<float>(policy_.elastic_beta);
  const float alpha = beta / static_cast<float>(communicator_.world_size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const float pulled = own[i] - alpha * (own[i] - center[i]);
    center[i] += beta * (parameters[i] - center[i]);
    parameters[i] = last ? center[i] : pulled;
  }
}

void ParameterSync::sync_moments(const SyncSpans& network, SyncReport& report) {
  for (const StoredSpan<float> moment : {network.first_moment, network.second_moment}) {
    if (policy_.moments == MomentSync::kReset) set_to_zero(moment);
    if (policy_.moments != MomentSync::kAverage) continue;
    if (!moment.is_rounded()) {
      mean(moment.exact(), Payload::kFloat32, report);
      continue;
    }
    widened_.resize(moment.rounded().size());
    widen(moment.rounded(), widened_);
    mean(widened_, Payload::kFloat32, report);
    round_to_bfloat16(widened_, moment.rounded());
  }
}

void ParameterSync::mean(std::span<float> data, Payload payload, SyncReport& report) {
  communicator_.mean(data, payload);
  const std::size_t bytes = payload == Payload::kBfloat16 ? sizeof(Bfloat16) : sizeof(float);
  report.bytes += static_cast<std::int64_t>(data.size() * bytes);
}

}  // namespace miniray
