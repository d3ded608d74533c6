#include "gan/config_record.h"

namespace miniray {
namespace {

const char* name_of(SyncUnit unit) {
  switch (unit) {
    case SyncUnit::kEpochs:
      return "epochs";
    case SyncUnit::kSteps:
      return "steps";
    case SyncUnit::kGradients:
      return "gradients";
  }
  return "";
}

const char* name_of(MomentSync moments) {
  switch (moments) {
    case MomentSync::kKeep:
      return "keep";
    case MomentSync::kAverage:
      return "average";
    case MomentSync::kReset:
      return "reset";
  }
  return "";
}

const char* name_of(OuterStep outer) {
  switch (outer) {
    case OuterStep::kMean:
      return "mean";
    case OuterStep::kNesterov:
      return "nesterov";
    case OuterStep::kElastic:
      return "elastic";
  }
  return "";
}

}  // namespace

Record config_record(const TrainingInfo& training, const CollectorOptions& collector) {
  const TrainOptions& options = training.options;
  Record fields = Record::fields();
  for (const auto& [name, value] : collector.settings) fields.add(name, value);
  fields.add("epochs", options.epochs)
      .add("batch_size", options.batch_size)
      .add("model", training.gan.model.architecture)
      .add("latent_dim", training.gan.model.latent_dim)
      .add("lr", training.gan.optimizer.lr)
      .add("flip", options.flip == Flip::kRandom ? "random" : "never")
      .add("seed", std::to_string(training.gan.seed))
      .add("sample_every", collector.sample_every)
      .add("record_interval", collector.record_interval)
      .add("gradient_norms", options.gradient_norms)
      .add("workers", static_cast<std::int64_t>(training.workers))
      .add("sync", name_of(options.sync.unit))
      .add("sync_interval", options.sync.interval)
      .add("sync_moments", name_of(options.sync.moments))
      .add("sync_payload", options.sync.payload == Payload::kBfloat16 ? "bf16" : "float32")
      .add("outer", name_of(options.sync.outer));
  return fields;
}

}  // namespace miniray
