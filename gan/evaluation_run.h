// A whole evaluation as gan_evaluate does it: pictures, features, metrics.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gan/config.h"
#include "gan/metrics/metrics.h"
#include "gan/metrics/statistics_run.h"
#include "runtime/communicator.h"

namespace miniray {

struct EvaluationResult {
  std::vector<MetricValue> metrics;  // empty but in the first process
  std::string features;              // the network's description
  std::string reference;             // "50000 pictures of cifar10"
  std::int64_t images = 0;           // that were compared with it
  std::string warning;               // empty: none
};

// "builtin": the classifier of CIFAR-10 that comes with the program; "inception:FILE": the file
// that 'gan_features convert' made; else one that 'gan_features train' made. Throws not found, io
// or corrupt, naming the path.
std::shared_ptr<const FeatureNetwork> open_features(const std::string& name_or_path);

// Under mpirun every process calls it alike, with the job's `processes`: each takes its part of the
// pictures, the first one has the numbers. They are the same, to the last bit, for every number of
// threads, workers and processes. Throws Error, naming the file.
EvaluationResult run_evaluation(const EvaluateConfig& config, Communicator& processes,
                                const EvaluationProgress& progress);

}  // namespace miniray
