// What the metrics say of pictures that were spoilt on purpose, with the shipped network: they must
// fall with every step, and be the same however the work is dealt out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "engine/span.h"
#include "gan/data/cifar10.h"
#include "gan/data/shapes.h"
#include "gan/metrics/builtin_features.h"
#include "gan/metrics/frechet.h"
#include "gan/metrics/metrics.h"
#include "support/expect_error.h"
#include "support/run_ranks.h"
#include "support/small_gan.h"

namespace miniray {
namespace {

using Spoil = std::function<void(std::int64_t index, std::span<std::uint8_t> hwc)>;

std::shared_ptr<const FeatureNetwork> network() {
  static const auto shipped = std::make_shared<const BuiltinFeatures>(shipped_classifier());
  return shipped;
}

PictureSource spoilt(const PictureSource& source, const Spoil& spoil) {
  PictureSource result = source;
  result.open = [source, spoil](const ThreadBudget& threads) -> PictureReader {
    return [read = source.open(threads), spoil](std::int64_t first, std::int64_t count) {
      Images images = read(first, count);
      for (std::int64_t i = 0; i < count; ++i) {
        spoil(first + i,
              part(std::span(images.pixels), i * images.image_bytes(), images.image_bytes()));
      }
      return images;
    };
  };
  return result;
}

// Each value becomes the mean of its row's neighbours, `times` over; 32x32x3.
Spoil blur(int times) {
  return [times](std::int64_t, std::span<std::uint8_t> hwc) {
    for (int t = 0; t < times; ++t) {
      const std::vector<std::uint8_t> old(hwc.begin(), hwc.end());
      for (std::size_t i = 0; i < hwc.size(); ++i) {
        const std::size_t x = i / 3 % 32;
        const int left = old[x > 0 ? i - 3 : i], right = old[x < 31 ? i + 3 : i];
        hwc[i] = static_cast<std::uint8_t>((left + 2 * old[i] + right + 2) / 4);
      }
    }
  };
}

Spoil noise(double deviation) {
  return [deviation](std::int64_t index, std::span<std::uint8_t> hwc) {
    std::mt19937 engine(static_cast<unsigned>(index));
    std::normal_distribution<double> normal(0, deviation);
    for (auto& value : hwc) {
      value = static_cast<std::uint8_t>(std::clamp(value + normal(engine), 0.0, 255.0));
    }
  };
}

// Pictures of another data set, chosen by their places.
class Selection final : public Dataset {
 public:
  Selection(const Dataset& all, std::vector<std::int64_t> places)
      : all_(all), places_(std::move(places)) {}
  std::string name() const override { return "a selection"; }
  std::int64_t size() const override { return static_cast<std::int64_t>(places_.size()); }
  Shape sample_shape() const override { return all_.sample_shape(); }
  const std::vector<std::string>& class_names() const override { return all_.class_names(); }
  int label(std::int64_t index) const override { return all_.label(place(index)); }
  void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const override {
    all_.copy_sample(place(index), chw);
  }

 private:
  std::int64_t place(std::int64_t index) const { return places_[static_cast<std::size_t>(index)]; }
  const Dataset& all_;
  const std::vector<std::int64_t> places_;
};

Selection first_classes(const Dataset& all, int classes, std::int64_t count) {
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; std::ssize(places) < count; ++i) {
    if (all.label(i) < classes) places.push_back(i);
  }
  return {all, places};
}

// The first `different` pictures again and again: a generator that has collapsed.
Selection repeated(const Dataset& all, std::int64_t different, std::int64_t count) {
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < count; ++i) places.push_back(i % different);
  return {all, places};
}

FeatureStatistics statistics(const PictureSource& source, const FeatureWorkers& workers = {1, 2}) {
  const ThreadBudget threads(2);
  const auto alone = make_single_communicator();
  StatisticsBuilder builder(threads, *network(), source.count);
  run_features(network(), source, workers, *alone,
               [&](const FeatureChunk& chunk) { builder.add(chunk); });
  return builder.finish();
}

double fid(const FeatureStatistics& a, const FeatureStatistics& b) {
  return frechet_distance(ThreadBudget(2), *a.moments, *b.moments);
}

// `real` and `held_out` are of one kind.
void expect_falling_quality(const Dataset& real, const Dataset& held_out, std::int64_t count) {
  const auto reference = statistics(pictures_of(real, count));
  const PictureSource others = pictures_of(held_out, count);
  const double same = fid(reference, statistics(others));
  const double huge = fid(reference, statistics(spoilt(others, noise(1e4))));
  EXPECT_GE(same, 0);
  EXPECT_GT(huge, 30 * same);
  double last = same;
  for (const int times : {1, 2, 4, 8}) {
    const double value = fid(reference, statistics(spoilt(others, blur(times))));
    EXPECT_GT(value, last) << "blurred " << times << " times";
    last = value;
  }
  last = same;
  for (const double deviation : {15.0, 30.0, 60.0, 120.0}) {
    const double value = fid(reference, statistics(spoilt(others, noise(deviation))));
    EXPECT_GT(value, last) << "noise of " << deviation;
    last = value;
  }
  last = same;
  for (const std::int64_t different : {count / 8, count / 64, count / 512}) {
    const Selection few = repeated(held_out, different, count);
    const double value = fid(reference, statistics(pictures_of(few)));
    EXPECT_GT(value, last) << different << " different pictures";
    last = value;
  }
}

void expect_missing_classes_to_show(const Dataset& real, const Dataset& held_out,
                                    std::int64_t count) {
  const auto reference = statistics(pictures_of(real, count));
  double last = fid(reference, statistics(pictures_of(held_out, count)));
  for (const int classes : {8, 5, 2, 1}) {
    const Selection few = first_classes(held_out, classes, std::min<std::int64_t>(count, 1'000));
    const double value = fid(reference, statistics(pictures_of(few)));
    EXPECT_GT(value, last) << classes << " classes";
    last = value;
  }
}

TEST(Quality, FallsWithBlurNoiseAndCollapse) {
  expect_falling_quality(Shapes(20'000), Shapes(20'000, 7), 1'500);
}

// The network was trained on these classes: others' figures it does not tell apart.
TEST(Quality, OfCifar10FallsWithMissingClassesToo) {
  const char* const folder = std::getenv("MINIRAY_CIFAR10");
  if (folder == nullptr) GTEST_SKIP() << "MINIRAY_CIFAR10 names no folder";
  const Cifar10 train(folder, Split::kTrain), test(folder, Split::kTest);
  expect_falling_quality(train, test, 2'000);
  expect_missing_classes_to_show(train, test, 2'000);
}

TEST(Quality, OfACollapseShowsInRecallNotInPrecision) {
  const Shapes pictures(1'000), others(1'000, 7);
  const Selection few = repeated(others, 20, 1'000);
  const auto reference = statistics(pictures_of(pictures));
  const ThreadBudget threads(2);
  const auto values =
      compare(threads, parse_metrics("prdc"), *network(), reference, statistics(pictures_of(few)));
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values[0].name, "precision-builtin");
  EXPECT_GT(values[0].value, 0.5);
  EXPECT_EQ(values[1].name, "recall-builtin");
  EXPECT_LT(values[1].value, 0.2);
  EXPECT_EQ(values[3].name, "coverage-builtin");
  EXPECT_LT(values[3].value, 0.2);
}

// The generator's pictures, over workers and ranks, to the last bit.
TEST(Quality, IsTheSameForAnyNumberOfThreadsWorkersAndProcesses) {
  GanSpec spec = testing::small_spec();
  spec.image_shape = {3, 32, 32};
  Network<float> untrained(make_generator_plan(spec));
  untrained.init(1, kGeneratorStream);
  const auto generator =
      std::make_shared<const LoadedGenerator>(LoadedGenerator{spec, std::move(untrained)});
  const PictureSource source = generated_pictures(generator, 5, 1'100);
  const FeatureStatistics expected = statistics(source, {1, 1});
  for (const FeatureWorkers workers :
       {FeatureWorkers{1, 3}, FeatureWorkers{2, 1}, FeatureWorkers{7, 1}}) {
    const FeatureStatistics found = statistics(source, workers);
    EXPECT_EQ(found.moments->mean, expected.moments->mean);
    EXPECT_EQ(found.moments->covariance, expected.moments->covariance);
    EXPECT_EQ(found.kept, expected.kept);
    EXPECT_EQ(found.inception_score->mean, expected.inception_score->mean);
  }
  testing::run_ranks_without_failure(3, [&](Communicator& communicator) {
    const ThreadBudget threads(1);
    StatisticsBuilder builder(threads, *network(), source.count);
    std::int64_t told = 0;
    run_features(network(), source, {2, 1}, communicator, [&](const FeatureChunk& chunk) {
      EXPECT_EQ(chunk.first, told);
      told += chunk.count;
      builder.add(chunk);
    });
    EXPECT_EQ(told, communicator.rank() == 0 ? source.count : 0);
    if (communicator.rank() != 0) return;
    const FeatureStatistics found = builder.finish();
    EXPECT_EQ(found.moments->covariance, expected.moments->covariance);
    EXPECT_EQ(found.kept, expected.kept);
  });
}

TEST(Quality, NeedsEnoughPictures) {
  const auto check = [](std::int64_t count) {
    check_count(parse_metrics("fid,kid"), *network(), count, "the folder");
  };
  check(network()->features() + 1);
  testing::expect_error(ErrorKind::kInvalidArgument,
                        "needs at least 145 pictures; the folder has 144", [&] { check(144); });
  EXPECT_FALSE(statistics(pictures_of(Shapes(100))).moments);
}

}  // namespace
}  // namespace miniray
