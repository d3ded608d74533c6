// The classifier: it learns, its file holds all of it, and nothing else passes for one.
#include <gtest/gtest.h>

#include "engine/file.h"
#include "gan/data/shapes.h"
#include "gan/metrics/builtin_features.h"
#include "gan/metrics/classifier_training.h"
#include "gan/metrics/picture_source.h"
#include "support/expect_error.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

ClassifierSpec small_classifier() {
  return {.image_shape = {3, 32, 32}, .classes = 10, .widths = {8, 16}, .strides = {2, 2}};
}

Network<float> trained(const Shapes& pictures, int threads, std::uint64_t seed = 42) {
  const ThreadBudget budget(threads);
  return train_classifier(budget, pictures, small_classifier(),
                          {.epochs = 2, .batch_size = 50, .lr = 0.01, .seed = seed},
                          [](const ClassifierEpoch&) {});
}

TEST(Classifier, Learns) {
  const ThreadBudget threads(2);
  const testing::SmallPictures pictures(400);
  const ClassifierSpec spec{
      .image_shape = {3, 4, 4}, .classes = 2, .widths = {8, 8}, .strides = {1, 2}};
  std::vector<double> losses;
  const Network<float> network = train_classifier(
      threads, pictures, spec, {.epochs = 5, .batch_size = 20, .lr = 0.01, .shift = 1},
      [&](const ClassifierEpoch& epoch) { losses.push_back(epoch.loss); });
  ASSERT_EQ(losses.size(), 5U);
  EXPECT_LT(losses.back(), losses.front() / 2);
  EXPECT_GT(accuracy(threads, network, pictures), 0.95);
}

TEST(Classifier, HasTheSameBitsForAnyNumberOfThreads) {
  const Shapes pictures(300);
  const auto one = trained(pictures, 1), three = trained(pictures, 3),
             other = trained(pictures, 1, 43);
  EXPECT_TRUE(std::ranges::equal(one.parameters(), three.parameters()));
  EXPECT_TRUE(std::ranges::equal(one.statistics(), three.statistics()));
  EXPECT_FALSE(std::ranges::equal(one.parameters(), other.parameters()));
}

TEST(Classifier, RefusesWhatDoesNotFit) {
  const ThreadBudget threads(1);
  const testing::SmallPictures small(20);
  const auto train = [&](const ClassifierSpec& spec, const ClassifierTraining& options) {
    train_classifier(threads, small, spec, options, [](const ClassifierEpoch&) {});
  };
  testing::expect_error(ErrorKind::kInvalidArgument, "3x4x4, the classifier takes 3x32x32",
                        [&] { train(small_classifier(), {}); });
  ClassifierSpec spec = small_classifier();
  spec.image_shape = {3, 4, 4};
  testing::expect_error(ErrorKind::kInvalidArgument, "has 2 classes, the classifier 10",
                        [&] { train(spec, {}); });
  spec.classes = 2;
  testing::expect_error(ErrorKind::kInvalidArgument, "shifted by 0 to 3 pixels, not 4",
                        [&] { train(spec, {}); });
  spec.strides = {2};
  testing::expect_error(ErrorKind::kInvalidArgument, "as many strides",
                        [&] { train(spec, {.shift = 1}); });
}

class ClassifierFile : public ::testing::Test {
 protected:
  TrainedClassifier classifier() const {
    Network<float> network(make_classifier_plan(small_classifier()));
    network.init(3, 0);
    return {small_classifier(), std::move(network), "shapes", 0.5};
  }
  std::filesystem::path path() const { return dir_.path() / "classifier"; }
  SafetensorsFile file() const {
    save_classifier(path(), classifier(), 2, 3);
    return SafetensorsFile::read(path());
  }
  // The file with another metadata, as some program of others could have written it.
  SafetensorsFile changed(const std::string& key, const std::string& value) const {
    const SafetensorsFile original = file();
    const TrainedClassifier written = classifier();
    const Declarations& table = written.network.plan().declarations();
    Metadata metadata = original.metadata();
    metadata[key] = value;
    std::vector<std::vector<float>> numbers;
    std::vector<NamedTensor> tensors;
    for (const SliceTable* slices : {&table.parameters(), &table.statistics()}) {
      for (const Slice& slice : slices->slices()) {
        numbers.emplace_back(static_cast<std::size_t>(slice.shape.elements()));
        original.copy_tensor(slice.name, slice.shape, numbers.back());
        tensors.push_back({slice.name, slice.shape, {}});
      }
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].values = numbers[i];
    write_safetensors(path(), tensors, metadata);
    return SafetensorsFile::read(path());
  }

 private:
  const testing::TempDir dir_;
};

TEST_F(ClassifierFile, HoldsAll) {
  const TrainedClassifier read = load_classifier(file());
  const TrainedClassifier original = classifier();
  EXPECT_EQ(read.spec.image_shape, original.spec.image_shape);
  EXPECT_EQ(read.spec.widths, original.spec.widths);
  EXPECT_EQ(read.spec.strides, original.spec.strides);
  EXPECT_EQ(read.data, "shapes");
  EXPECT_EQ(read.test_accuracy, 0.5);
  EXPECT_TRUE(std::ranges::equal(read.network.parameters(), original.network.parameters()));
  EXPECT_TRUE(std::ranges::equal(read.network.statistics(), original.network.statistics()));
}

TEST_F(ClassifierFile, IsNotAnotherNetworks) {
  testing::expect_error(ErrorKind::kCorrupt, "holds a discriminator",
                        [&] { load_classifier(changed("role", "discriminator")); });
  testing::expect_error(ErrorKind::kCorrupt, "would be right",
                        [&] { load_classifier(changed("widths", "9x16")); });
  testing::expect_error(ErrorKind::kCorrupt, "no classifier of ours",
                        [&] { load_classifier(changed("strides", "2x3")); });
}

TEST_F(ClassifierFile, TellsNetworksApart) {
  const BuiltinFeatures features(file()), same(file()), shipped(shipped_classifier());
  EXPECT_EQ(features.identity(), same.identity());
  EXPECT_NE(features.identity(), shipped.identity());
  EXPECT_NE(features.identity(), BuiltinFeatures(changed("strides", "2x1")).identity());
  EXPECT_EQ(features.features(), 16);
  EXPECT_EQ(features.description(),
            "builtin: a classifier of shapes that names 50.0% of its test pictures rightly");
}

// The mean over the pixels of the last convolution's ReLU, and the logits made of it.
TEST_F(ClassifierFile, GivesFeaturesThatItsLogitsAreMadeOf) {
  const TrainedClassifier weights = classifier();
  const BuiltinFeatures features(file());
  const ThreadBudget threads(2);
  const Shapes pictures(200);
  const PictureSource source = pictures_of(pictures);
  std::vector<float> vectors(200 * 16), logits(200 * 10);
  features.make_pass(threads)->run(source.open(threads)(0, 200), vectors, logits);
  const auto& table = weights.network.plan().parameters().slices();
  const auto w = slice_of(weights.network.parameters(), table[table.size() - 2]);
  const auto bias = slice_of(weights.network.parameters(), table.back());
  for (std::size_t n = 0; n < 200; ++n) {
    for (std::size_t c = 0; c < 10; ++c) {
      double sum = bias[c];
      for (std::size_t f = 0; f < 16; ++f) {
        sum += static_cast<double>(w[c * 16 + f]) * vectors[n * 16 + f];
      }
      ASSERT_NEAR(logits[n * 10 + c], sum, 1e-5);
    }
  }
  EXPECT_GE(*std::ranges::min_element(vectors), 0);
  EXPECT_GT(*std::ranges::max_element(vectors), 0);
}

TEST_F(ClassifierFile, RefusesOtherPictures) {
  testing::expect_error(ErrorKind::kInvalidArgument, "take pictures of 3x32x32, not 1x28x28", [&] {
    BuiltinFeatures(file()).check_images({1, 28, 28});
  });
}

TEST(ShippedClassifier, IsSmallAndGood) {
  const SafetensorsFile file = shipped_classifier();
  EXPECT_GT(load_classifier(file).test_accuracy, 0.8);
  EXPECT_EQ(load_classifier(file).data, "cifar10");
}

}  // namespace
}  // namespace miniray
