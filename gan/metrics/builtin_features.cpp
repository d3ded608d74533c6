#include "gan/metrics/builtin_features.h"

#include <algorithm>
#include <cstdio>

#include "engine/error.h"
#include "engine/file.h"
#include "engine/span.h"
#include "engine/tensor.h"

namespace miniray {
namespace {

// hwc bytes to chw floats in [-1, 1], as training saw them (gan/data/batch.cpp).
void to_planes(const Images& images, std::int64_t index, std::span<float> planes) {
  const std::int64_t pixels = images.height * images.width;
  const auto picture = images.image(index);
  for (std::int64_t c = 0; c < images.channels; ++c) {
    for (std::int64_t p = 0; p < pixels; ++p) {
      const double byte = picture[static_cast<std::size_t>(p * images.channels + c)];
      planes[static_cast<std::size_t>(c * pixels + p)] = static_cast<float>(byte / 127.5 - 1);
    }
  }
}

// Batches are always full, the last one filled up, so that products have one shape and a picture
// its bits (see gan/network_pictures.h).
class BuiltinPass final : public FeaturePass {
 public:
  BuiltinPass(const ThreadBudget& threads, const TrainedClassifier& classifier)
      : threads_(threads),
        network_(classifier.network),
        image_size_(classifier.spec.image_shape.elements()),
        feature_count_(classifier.spec.features()),
        classes_(classifier.spec.classes),
        pass_(network_.plan(), kBatch, PassUse::kForwardOnly),
        planes_({kBatch, image_size_}),
        logits_({kBatch, classes_}) {}

  void run(const Images& images, std::span<float> features, std::span<float> logits) override {
    for (std::int64_t first = 0; first < images.count; first += kBatch) {
      const std::int64_t count = std::min(kBatch, images.count - first);
      threads_.for_each_tile(count, [&](std::int64_t n) {
        to_planes(images, first + n, part(planes_.span(), n * image_size_, image_size_));
      });
      network_.forward({.threads = threads_}, kBatch, planes_.span(), logits_.span(), pass_);
      const std::span<const float> pooled =
          pass_.output(network_.plan().stages().size() - 2, kBatch).exact();
      std::ranges::copy(part(pooled, 0, count * feature_count_),
                        part(features, first * feature_count_, count * feature_count_).begin());
      std::ranges::copy(part(std::span<const float>(logits_.span()), 0, count * classes_),
                        part(logits, first * classes_, count * classes_).begin());
    }
  }

 private:
  static constexpr std::int64_t kBatch = 128;
  static_assert(kFeatureChunk % kBatch == 0);

  const ThreadBudget& threads_;
  const Network<float>& network_;
  const std::int64_t image_size_, feature_count_, classes_;
  PassBuffers<float> pass_;
  Tensor<float> planes_, logits_;
};

std::string identity_of(const SafetensorsFile& file, const ClassifierSpec& spec) {
  std::string text = "builtin features 1, strides";
  for (const std::int64_t stride : spec.strides) text += " " + std::to_string(stride);
  text += ", weights " + file.metadata("sha256");
  return sha256_hex(std::as_bytes(std::span(text)));
}

}  // namespace

BuiltinFeatures::BuiltinFeatures(const SafetensorsFile& file)
    : classifier_(load_classifier(file)), identity_(identity_of(file, classifier_.spec)) {}

std::string BuiltinFeatures::description() const {
  char accuracy[32];
  std::snprintf(accuracy, sizeof accuracy, "%.1f", 100 * classifier_.test_accuracy);
  return "builtin: a classifier of " + classifier_.data + " that names " + accuracy +
         "% of its test pictures rightly";
}

void BuiltinFeatures::check_images(const Shape& image_shape) const {
  if (image_shape == classifier_.spec.image_shape) return;
  throw invalid_argument("the features of " + classifier_.data + " take pictures of " +
                         classifier_.spec.image_shape.to_string() + ", not " +
                         image_shape.to_string() +
                         "; 'gan_features train' makes some for another data set");
}

std::unique_ptr<FeaturePass> BuiltinFeatures::make_pass(const ThreadBudget& threads) const {
  return std::make_unique<BuiltinPass>(threads, classifier_);
}

}  // namespace miniray
