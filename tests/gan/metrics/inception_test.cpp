// Inception against torchvision's network in the FID's form (tests/torch/fid_inception.py), with
// weights and pictures that both make by one rule.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/file.h"
#include "gan/metrics/inception_features.h"
#include "gan/metrics/inception_input.h"
#include "support/expect_error.h"
#include "support/idx_bytes.h"
#include "support/temp_dir.h"
#include "support/torch_values.h"

namespace miniray {
namespace {

// As fid_inception.uniform: numbers of [0, 1) by a name and their places.
std::vector<double> uniform(const std::string& name, std::int64_t count) {
  const std::uint32_t start = testing::plain_crc32(name);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto x = static_cast<std::uint32_t>(i * 2654435761U + start);
    x ^= x >> 15;
    x *= 2246822519U;
    x ^= x >> 13;
    values[i] = (x >> 8) / 16777216.0;
  }
  return values;
}

// As fid_inception.set_known_weights.
std::vector<float> known_weights(const std::string& name, const Shape& shape) {
  std::vector<float> weights;
  const double bound =
      2 * std::sqrt(6.0 / (static_cast<double>(shape.elements()) / static_cast<double>(shape[0])));
  const bool positive = name.ends_with("bn.weight") || name.ends_with("running_var");
  for (const double u : uniform(name, shape.elements())) {
    const double value =
        shape.rank() > 1 ? (u - 0.5) * bound : (positive ? u + 0.5 : (u - 0.5) / 4);
    weights.push_back(static_cast<float>(value));
  }
  return weights;
}

Images known_pictures(std::int64_t count, std::int64_t height, std::int64_t width) {
  Images images{count, height, width, 3, {}};
  const auto values = uniform("pictures", count * images.image_bytes());
  for (std::int64_t n = 0; n < count; ++n) {
    for (std::int64_t i = 0; i < height; ++i) {
      for (std::int64_t j = 0; j < width * 3; ++j) {
        const std::int64_t at = ((n * height + i / 4 * 4) * width + j / 12 * 4) * 3 + j % 3;
        images.pixels.push_back(
            static_cast<std::uint8_t>(values[static_cast<std::size_t>(at)] * 256));
      }
    }
  }
  return images;
}

void write_known_network(const std::filesystem::path& path, const std::string& digest) {
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  const auto add = [&](const std::string& name, const Shape& shape) {
    values.push_back(known_weights(name, shape));
    tensors.push_back({name, shape, values.back()});
  };
  for (const auto& [name, s] : make_inception_graph().layers) {
    if (name == "fc") {
      add("fc.weight", {s.out_channels, s.channels});
      add("fc.bias", {s.out_channels});
      continue;
    }
    add(name + ".conv.weight", {s.out_channels, s.channels, s.kernel_height, s.kernel_width});
    for (const char* const norm : {"weight", "bias", "running_mean", "running_var"}) {
      add(name + ".bn." + norm, {s.out_channels});
    }
  }
  write_safetensors(path, tensors,
                    {{"role", "inception"}, {"source", "known"}, {"source_sha256", digest}});
}

struct Vectors {
  Vectors(const InceptionFeatures& network, const ThreadBudget& threads, const Images& images)
      : features(static_cast<std::size_t>(images.count * network.features())),
        logits(static_cast<std::size_t>(images.count * network.classes())) {
    network.make_pass(threads)->run(images, features, logits);
  }
  std::vector<float> features, logits;
};

// The largest difference, relative to the element or, where that is small, to the mean magnitude.
double largest_difference(std::span<const float> found, const std::vector<float>& expected) {
  double magnitude = 0, largest = 0;
  for (const float value : expected) {
    magnitude += std::abs(value) / static_cast<double>(expected.size());
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(found[i] - expected[i]) /
                                    std::max<double>(std::abs(expected[i]), magnitude));
  }
  return largest;
}

TEST(Inception, IsTorchvisions) {
  const auto expected = testing::torch_values("inception");
  const testing::TempDir dir;
  write_known_network(dir.path() / "a", "6726825d");
  const InceptionFeatures network(SafetensorsFile::read(dir.path() / "a"));
  const Images images = known_pictures(3, 32, 32);
  const ThreadBudget threads(2), one(1);
  const Vectors found(network, threads, images);
  const auto features = testing::numbers<float>(expected.at("features"));
  const auto logits = testing::numbers<float>(expected.at("logits"));
  ASSERT_EQ(features.size(), found.features.size());
  ASSERT_EQ(logits.size(), found.logits.size());
  EXPECT_LT(largest_difference(found.features, features), 1e-4);
  EXPECT_LT(largest_difference(found.logits, logits), 1e-4);

  // The same bits with another number of threads, and for a picture alone.
  EXPECT_EQ(Vectors(network, one, images).features, found.features);
  Images alone{1, 32, 32, 3, {}};
  alone.pixels.assign(images.image(2).begin(), images.image(2).end());
  const Vectors last(network, threads, alone);
  EXPECT_TRUE(std::ranges::equal(last.features, std::span(found.features).last(2048)));
  EXPECT_TRUE(std::ranges::equal(last.logits, std::span(found.logits).last(1008)));

  EXPECT_EQ(network.suffix(), "");
  write_known_network(dir.path() / "b", "0123");
  const InceptionFeatures other(SafetensorsFile::read(dir.path() / "b"));
  EXPECT_EQ(other.suffix(), "-other-inception");
  EXPECT_NE(other.description().find("not those of the literature"), std::string::npos);
}

TEST(Inception, PicturesAreResizedAsTorchDoes) {
  const auto expected = testing::torch_values("inception");
  for (const auto& [height, width] : {std::pair{5, 7}, {20, 13}, {9, 11}}) {
    SCOPED_TRACE(height);
    const Images images = known_pictures(2, height, width);
    std::vector<float> values(2 * 9 * 11 * 3);
    fill_inception_input(ThreadBudget(2), images, 0,
                         {values.data(), 2, 9, 11, 3, 3, 33, 9 * 33, 0, 0});
    const std::string name = std::to_string(height) + "x" + std::to_string(width);
    testing::expect_close<float>(values, expected.at("resized").at(name), 2e-6, name);
  }
}

TEST(Inception, GreyIsThreeEqualChannels) {
  const Images grey{1, 2, 2, 1, {0, 51, 204, 255}};
  std::vector<float> values(12);
  fill_inception_input(ThreadBudget(1), grey, 0, {values.data(), 1, 2, 2, 3, 3, 6, 12, 0, 0});
  const float expected[] = {-1, -0.6F, 0.6F, 1};
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i / 3], 1e-6);
}

// Buffers that hold something at once do not overlap.
TEST(Inception, MemoryIsSharedOverTimeOnly) {
  const InceptionGraph graph = make_inception_graph();
  const InceptionMemory memory = plan_inception_memory(graph);
  std::vector<std::size_t> owner(static_cast<std::size_t>(memory.elements), ~std::size_t{0});
  const auto paint = [&](std::size_t buffer) {
    std::fill_n(owner.begin() + memory.offsets[buffer], graph.buffers[buffer].elements(), buffer);
  };
  const auto is_whole = [&](std::size_t buffer) {
    const auto begin = owner.begin() + memory.offsets[buffer];
    return std::all_of(begin, begin + graph.buffers[buffer].elements(),
                       [&](std::size_t other) { return other == buffer; });
  };
  paint(graph.input);
  std::vector<bool> begun(graph.buffers.size());
  for (const InceptionStep& step : graph.steps) {
    if (!begun[step.target]) paint(step.target);
    begun[step.target] = true;
    ASSERT_TRUE(is_whole(step.source)) << step.source;
    ASSERT_TRUE(is_whole(step.target)) << step.target;
  }
  EXPECT_TRUE(is_whole(graph.features));
  EXPECT_TRUE(is_whole(graph.logits));
}

TEST(Inception, RefusesOtherFilesAndPictures) {
  const testing::TempDir dir;
  const std::vector<float> one{1};
  write_safetensors(dir.path() / "a", {{"w", {1}, one}}, {{"role", "generator"}});
  testing::expect_error(ErrorKind::kCorrupt, "holds no Inception-v3", [&] {
    InceptionFeatures network(SafetensorsFile::read(dir.path() / "a"));
  });
  write_safetensors(dir.path() / "b", {{"w", {1}, one}}, {{"role", "inception"}});
  testing::expect_error(ErrorKind::kCorrupt, "no tensor 'Conv2d_1a_3x3.conv.weight'", [&] {
    InceptionFeatures network(SafetensorsFile::read(dir.path() / "b"));
  });
}

}  // namespace
}  // namespace miniray
