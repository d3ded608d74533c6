#include "gan/metrics/classifier_training.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "engine/span.h"
#include "gan/data/batch.h"
#include "gan/schedule.h"
#include "nn/adam.h"
#include "nn/loss.h"

namespace miniray {
namespace {

constexpr std::uint8_t kRowShift = 1, kColumnShift = 2;  // variants of the purpose kFlip; 0 is its

// to[y, x] = from[y + rows, x + columns], 0 beyond: the middle of [-1, 1].
void move_picture(const Shape& shape, std::int64_t rows, std::int64_t columns,
                  std::span<const float> from, std::span<float> to) {
  const std::int64_t height = shape[1], width = shape[2];
  std::ranges::fill(to, 0.0F);
  const std::int64_t left = std::max<std::int64_t>(0, -columns);
  const std::int64_t count = width - std::abs(columns);
  for (std::int64_t c = 0; c < shape[0]; ++c) {
    for (std::int64_t y = std::max<std::int64_t>(0, -rows); y < std::min(height, height - rows);
         ++y) {
      const std::int64_t source = (c * height + y + rows) * width + left + columns;
      std::ranges::copy(part(from, source, count), to.begin() + (c * height + y) * width + left);
    }
  }
}

std::int64_t count_right(std::span<const float> logits, std::span<const std::int32_t> labels) {
  const std::size_t classes = logits.size() / labels.size();
  std::int64_t right = 0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto row = logits.subspan(n * classes, classes);
    right += std::ranges::max_element(row) - row.begin() == labels[n] ? 1 : 0;
  }
  return right;
}

// The training, step by step.
class Trainer {
 public:
  Trainer(const ThreadBudget& threads, const Dataset& dataset, const ClassifierSpec& spec,
          const ClassifierTraining& options)
      : threads_(threads),
        dataset_(dataset),
        options_(options),
        batch_(std::min(options.batch_size, dataset.size())),
        network_(make_classifier_plan(spec)),
        adam_({.lr = options.lr, .beta1 = 0.9}, network_.plan().parameters().buffer_size()),
        pass_(network_.plan(), batch_, PassUse::kForwardAndBackward),
        pictures_(static_cast<std::size_t>(batch_ * spec.image_shape.elements())),
        moved_(pictures_.size()),
        logits_(static_cast<std::size_t>(batch_ * spec.classes)),
        logit_gradients_(logits_.size()),
        gradients_(network_.plan().parameters().buffer_size()),
        labels_(static_cast<std::size_t>(batch_)),
        all_(static_cast<std::size_t>(dataset.size())) {
    std::iota(all_.begin(), all_.end(), 0U);
    network_.init(options.seed, 0);
  }

  // Whole batches only: the rest of an epoch's order is left out.
  ClassifierEpoch run_epoch(std::int64_t epoch) {
    const auto order = epoch_order(all_, options_.seed, 0, epoch);
    const std::int64_t steps = dataset_.size() / batch_;
    double loss = 0;
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < steps; ++i) {
      adam_.scale_lr(lr_factor(static_cast<double>(epoch - 1) +
                               static_cast<double>(i) / static_cast<double>(steps)));
      loss += step(part(std::span<const std::uint32_t>(order), i * batch_, batch_));
      right += count_right(logits_, labels_);
    }
    const auto count = static_cast<double>(steps);
    return {epoch, loss / count,
            static_cast<double>(right) / (count * static_cast<double>(batch_))};
  }

  Network<float> take() { return std::move(network_); }

 private:
  double lr_factor(double epochs_done) const {
    if (epochs_done < options_.warmup) return (epochs_done + 0.01) / (options_.warmup + 0.01);
    const double rest = std::max(1e-9, static_cast<double>(options_.epochs) - options_.warmup);
    return (1 + std::cos(M_PI * (epochs_done - options_.warmup) / rest)) / 2;
  }

  double step(std::span<const std::uint32_t> indices) {
    ++step_;
    fill(indices);
    const PassContext context{.threads = threads_, .training = true};
    network_.forward(context, batch_, moved_, logits_, pass_);
    const double loss = softmax_cross_entropy<float>(logits_, labels_, logit_gradients_);
    if (!std::isfinite(loss)) {
      throw Error(ErrorKind::kDiverged, "the classifier's loss is not finite any more at step " +
                                            std::to_string(step_) +
                                            ": a smaller learning rate may help");
    }
    const auto update = adam_.begin_update(network_.parameters());
    network_.backward(context, batch_, moved_, logits_, logit_gradients_, {}, gradients_.span(),
                      pass_, &update);
    network_.update_statistics(batch_, pass_);
    return loss;
  }

  void fill(std::span<const std::uint32_t> indices) {
    RandomKey key{.seed = options_.seed, .purpose = RandomPurpose::kFlip, .step = step_};
    fill_batch(threads_, dataset_, indices, options_.flip ? Flip::kRandom : Flip::kNever, key, 0,
               pictures_);
    const Shape shape = dataset_.sample_shape();
    const std::int64_t size = shape.elements();
    const auto draw = [&](std::uint8_t variant, std::int64_t n) {
      key.variant = variant;
      const auto bound = static_cast<std::uint64_t>(2 * options_.shift + 1);
      return static_cast<std::int64_t>(random_below(key, static_cast<std::uint64_t>(n), bound)) -
             options_.shift;
    };
    for (std::int64_t n = 0; n < batch_; ++n) {
      move_picture(shape, draw(kRowShift, n), draw(kColumnShift, n),
                   part(std::span<const float>(pictures_), n * size, size),
                   part(std::span(moved_), n * size, size));
      labels_[static_cast<std::size_t>(n)] = dataset_.label(indices[static_cast<std::size_t>(n)]);
    }
  }

  const ThreadBudget& threads_;
  const Dataset& dataset_;
  const ClassifierTraining options_;
  const std::int64_t batch_;
  Network<float> network_;
  Adam<float> adam_;
  PassBuffers<float> pass_;
  std::vector<float> pictures_, moved_;
  std::vector<float> logits_, logit_gradients_;
  FlatBuffer<float> gradients_;
  std::vector<std::int32_t> labels_;
  std::vector<std::uint32_t> all_;
  std::uint32_t step_ = 0;
};

void check(const Dataset& dataset, const ClassifierSpec& spec, const ClassifierTraining& options) {
  if (dataset.sample_shape() != spec.image_shape) {
    throw invalid_argument("the data set " + dataset.name() + " has pictures of " +
                           dataset.sample_shape().to_string() + ", the classifier takes " +
                           spec.image_shape.to_string());
  }
  if (static_cast<std::int64_t>(dataset.class_names().size()) != spec.classes) {
    throw invalid_argument("the data set " + dataset.name() + " has " +
                           std::to_string(dataset.class_names().size()) +
                           " classes, the classifier " + std::to_string(spec.classes));
  }
  if (dataset.size() < 2 || options.batch_size < 2) {
    throw invalid_argument("a classifier needs batches of at least 2 pictures");
  }
  const std::int64_t side = std::min(spec.image_shape[1], spec.image_shape[2]);
  if (options.shift < 0 || options.shift >= side) {
    throw invalid_argument("pictures of " + spec.image_shape.to_string() + " are shifted by 0 to " +
                           std::to_string(side - 1) + " pixels, not " +
                           std::to_string(options.shift));
  }
}

}  // namespace

Network<float> train_classifier(const ThreadBudget& threads, const Dataset& dataset,
                                const ClassifierSpec& spec, const ClassifierTraining& options,
                                const std::function<void(const ClassifierEpoch&)>& progress) {
  check(dataset, spec, options);
  Trainer trainer(threads, dataset, spec, options);
  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    progress(trainer.run_epoch(epoch));
  }
  return trainer.take();
}

double accuracy(const ThreadBudget& threads, const Network<float>& classifier,
                const Dataset& dataset) {
  constexpr std::int64_t kBatch = 256;
  const NetworkPlan<float>& plan = classifier.plan();
  PassBuffers<float> pass(plan, kBatch, PassUse::kForwardOnly);
  std::vector<float> pictures(static_cast<std::size_t>(kBatch * plan.input_shape().elements()));
  std::vector<float> logits(static_cast<std::size_t>(kBatch * plan.output_shape().elements()));
  std::int64_t right = 0;
  for (std::int64_t first = 0; first < dataset.size(); first += kBatch) {
    const std::int64_t count = std::min(kBatch, dataset.size() - first);
    std::vector<std::uint32_t> indices(static_cast<std::size_t>(count));
    std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(first));
    fill_batch(threads, dataset, indices, Flip::kNever, {}, 0, pictures);
    classifier.forward({.threads = threads}, kBatch, pictures, logits, pass);
    std::vector<std::int32_t> labels;
    for (const std::uint32_t index : indices) labels.push_back(dataset.label(index));
    right += count_right(
        part(std::span<const float>(logits), 0, count * plan.output_shape().elements()), labels);
  }
  return static_cast<double>(right) / static_cast<double>(dataset.size());
}

}  // namespace miniray
