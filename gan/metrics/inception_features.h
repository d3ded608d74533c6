// The features of the FID's Inception-v3: those whose metrics the literature's are.
#pragma once

#include <string>
#include <vector>

#include "gan/metrics/feature_network.h"
#include "gan/metrics/inception_file.h"

namespace miniray {

// Takes pictures of any size, of 1 or 3 channels (inception_input.h).
class InceptionFeatures final : public FeatureNetwork {
 public:
  // A file that convert_inception wrote. Throws corrupt, naming the file and what is wrong.
  explicit InceptionFeatures(const SafetensorsFile& file);

  // "", or "-other-inception" where the weights are not the community's.
  std::string suffix() const override;
  std::string description() const override;
  const std::string& identity() const override { return identity_; }
  std::int64_t features() const override { return kInceptionFeatures; }
  std::int64_t classes() const override { return kInceptionClasses; }
  void check_images(const Shape& image_shape) const override;
  std::unique_ptr<FeaturePass> make_pass(const ThreadBudget& threads) const override;

 private:
  InceptionGraph graph_;
  std::vector<InferenceConv> layers_;
  bool known_;
  std::string source_, identity_;
};

}  // namespace miniray
