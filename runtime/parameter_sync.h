// What replicas average, when, and how. It sees spans of floats alone.
//
// As bfloat16 (half the bytes over a network) it is the change of the parameters since the last
// average that is averaged, never the parameters: at a weight of 1, bfloat16's steps are 2^-7, a
// thousand times Adam's. Each change travels within 2^-8 of itself and so does the mean, which ends
// within 2^-7 of the largest change. What rounding takes is not carried over to the next average
// (error feedback): it is as often up as down and small beside the change, and the memory would be
// another copy of the parameters. Statistics and moments always travel as floats: the former are
// few, the latter averaged on request alone, also where they are stored as bfloat16.
//
// Published forms: averaging of G and D every K steps is FedGAN (arXiv 2006.07228); the outer
// Nesterov step on the averaged change is DiLoCo's (arXiv 2311.08105); gradients each step are
// classic data parallelism; elastic averaging is the synchronous EASGD (arXiv 1412.6651). That
// draws each rank towards a common center, x -= alpha (x - center), and the center towards the mean
// of the ranks, center += beta (mean - center), where alpha = beta / world size. So parameters
// still differ between ranks after an elastic sync; the last one ends with the center.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/state_fields.h"
#include "engine/stored_span.h"
#include "runtime/communicator.h"

namespace miniray {

enum class SyncUnit { kEpochs, kSteps, kGradients };
enum class MomentSync { kKeep, kAverage, kReset };
enum class OuterStep { kMean, kNesterov, kElastic };

struct SyncPolicy {
  SyncUnit unit = SyncUnit::kEpochs;
  std::int64_t interval = 5;  // epochs or steps between two averages; gradients: every step
  MomentSync moments = MomentSync::kKeep;
  Payload payload = Payload::kFloat32;  // of parameters or gradients; of no effect alone
  OuterStep outer = OuterStep::kMean;
  double outer_lr = 0.7;  // of the Nesterov step, as DiLoCo found best
  double outer_momentum = 0.9;
  double elastic_beta = 0.9;  // as EASGD's experiments have it
};

// The flat buffers of one network on this rank. Not owned.
struct SyncSpans {
  std::span<float> parameters;
  std::span<float> statistics;                    // averaged plainly
  StoredSpan<float> first_moment, second_moment;  // of the optimizer
};

struct SyncReport {
  std::int64_t bytes = 0;  // of this rank's numbers that were averaged, as they travel
  double ms = 0;
  // Root of the mean square distance of a parameter from its average over ranks, before the sync.
  double divergence = 0;

  bool operator==(const SyncReport&) const = default;
};

// One on each rank, with equal policies and spans of equal lengths; all functions are collectives.
class ParameterSync {
 public:
  // Both must outlive this. Every rank must begin with the same parameters.
  ParameterSync(const SyncPolicy& policy, Communicator& communicator,
                std::vector<SyncSpans> networks);

  bool due_after_step(std::int64_t step) const;
  bool due_after_epoch(std::int64_t epoch) const;
  SyncReport sync() { return sync_all(false); }
  // The last sync: every rank ends with the same parameters.
  SyncReport finish() { return sync_all(true); }
  // Where gradients are what is averaged.
  void average_gradients(std::span<float> gradients);

  // What later syncs depend on, besides the networks themselves. Not a collective.
  void declare(StateFields& fields);

 private:
  SyncReport sync_all(bool last);
  void average_parameters(std::size_t network, SyncReport& report);
  void outer_step(std::size_t network, bool last);
  void nesterov_step(std::size_t network);
  void elastic_step(std::size_t network, bool last);
  void sync_moments(const SyncSpans& network, SyncReport& report);
  void mean(std::span<float> data, Payload payload, SyncReport& report);

  const SyncPolicy policy_;
  Communicator& communicator_;
  const std::vector<SyncSpans> networks_;
  const Payload payload_;                     // of parameters
  std::vector<std::vector<float>> before_;    // parameters before the average
  std::vector<std::vector<float>> anchors_;   // after the last sync: the common parameters
  std::vector<std::vector<float>> velocity_;  // of the Nesterov step
  std::vector<float> widened_;                // a moment while it travels
};

}  // namespace miniray
