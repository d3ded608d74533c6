#include "gan/features_run.h"

#include "engine/error.h"
#include "engine/file.h"
#include "gan/data/cifar10.h"
#include "gan/data/cifar100.h"
#include "gan/data/mnist.h"
#include "gan/metrics/classifier_file.h"

namespace miniray {
namespace {

constexpr std::int64_t kHeldOut = 10;  // of so many pictures one, where there are no test pictures

// Either every kHeldOut-th picture of another data set, or the others.
class Part final : public Dataset {
 public:
  Part(std::shared_ptr<const Dataset> whole, bool held_out)
      : whole_(std::move(whole)), held_out_(held_out) {}

  std::string name() const override { return whole_->name(); }
  std::int64_t size() const override {
    const std::int64_t held_out = (whole_->size() + kHeldOut - 1) / kHeldOut;
    return held_out_ ? held_out : whole_->size() - held_out;
  }
  Shape sample_shape() const override { return whole_->sample_shape(); }
  const std::vector<std::string>& class_names() const override { return whole_->class_names(); }
  int label(std::int64_t index) const override { return whole_->label(place(index)); }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    whole_->copy_sample(place(index), chw);
  }

 private:
  std::int64_t place(std::int64_t index) const {
    return held_out_ ? index * kHeldOut : index + index / (kHeldOut - 1) + 1;
  }

  std::shared_ptr<const Dataset> whole_;
  bool held_out_;
};

struct Splits {
  std::shared_ptr<const Dataset> train, test;
};

// Null where the data set has no test pictures of its own.
std::shared_ptr<const Dataset> open_test(const DatasetOptions& options) {
  const auto mnist = [&](Mnist::Kind kind) {
    return std::make_shared<Mnist>(kind, options.data_dir, Split::kTest, options.image_size);
  };
  if (options.name == "cifar10") return std::make_shared<Cifar10>(options.data_dir, Split::kTest);
  if (options.name == "cifar100") return std::make_shared<Cifar100>(options.data_dir, Split::kTest);
  if (options.name == "mnist") return mnist(Mnist::Kind::kDigits);
  if (options.name == "fashion-mnist") return mnist(Mnist::Kind::kFashion);
  return nullptr;
}

Splits open_splits(const FeaturesConfig& config, const ReadingProgress& reading) {
  const DatasetOptions options{config.data, config.data_dir, config.image_size};
  std::shared_ptr<const Dataset> train =
      open_dataset(options, {.threads = threads_of(config), .progress = reading});
  if (auto test = open_test(options)) return {train, std::move(test)};
  return {std::make_shared<Part>(train, false), std::make_shared<Part>(train, true)};
}

}  // namespace

FeaturesResult run_feature_training(const FeaturesConfig& config,
                                    const std::function<void(const ClassifierEpoch&)>& progress,
                                    const ReadingProgress& reading) {
  check_config(config);
  const auto [train, test] = open_splits(config, reading);
  if (train->class_names().size() < 2) {
    throw invalid_argument("the data set " + train->name() +
                           " has no classes: features are learned from labels");
  }
  make_writable_folder(config.output.parent_path().empty() ? "." : config.output.parent_path());
  ClassifierSpec spec;
  spec.image_shape = train->sample_shape();
  spec.classes = static_cast<std::int64_t>(train->class_names().size());
  const ThreadBudget threads(threads_of(config));
  const ClassifierTraining options{.epochs = config.epochs,
                                   .batch_size = config.batch_size,
                                   .lr = config.lr,
                                   .flip = config.flip,
                                   .seed = config.seed};
  Network<float> network = train_classifier(threads, *train, spec, options, progress);
  const double test_accuracy = accuracy(threads, network, *test);
  save_classifier(config.output, {spec, std::move(network), train->name(), test_accuracy},
                  config.epochs, config.seed);
  return {test_accuracy, train->size(), test->size()};
}

}  // namespace miniray
