// The features of a classifier that this engine trained: the networks whose metrics end in
// "-builtin".
#pragma once

#include "gan/metrics/classifier_file.h"
#include "gan/metrics/feature_network.h"

namespace miniray {

class BuiltinFeatures final : public FeatureNetwork {
 public:
  explicit BuiltinFeatures(const SafetensorsFile& file);

  std::string suffix() const override { return "-builtin"; }
  std::string description() const override;
  const std::string& identity() const override { return identity_; }
  std::int64_t features() const override { return classifier_.spec.features(); }
  std::int64_t classes() const override { return classifier_.spec.classes; }
  void check_images(const Shape& image_shape) const override;
  std::unique_ptr<FeaturePass> make_pass(const ThreadBudget& threads) const override;

 private:
  TrainedClassifier classifier_;
  std::string identity_;
};

// The file of weights that comes with the program: a classifier of CIFAR-10.
SafetensorsFile shipped_classifier();

}  // namespace miniray
