#include "gan/dense_pictures.h"

#include <gtest/gtest.h>

#include "engine/kernels/gemm.h"
#include "engine/kernels/pixels.h"
#include "gan/models.h"
#include "support/random_values.h"
#include "support/simd_targets.h"
#include "support/small_gan.h"

namespace miniray {
namespace {

// Numbers of its own for everything, as if it were trained.
Network<float> generator_of(const GanSpec& spec) {
  Network<float> generator(make_generator_plan(spec));
  generator.init(1, kGeneratorStream);
  std::uint64_t seed = 2;
  for (const Slice& slice : generator.plan().parameters().slices()) {
    if (slice.shape.rank() != 1) continue;
    const auto values = slice_of(generator.parameters(), slice);
    std::ranges::copy(testing::random_values<float>(values.size(), seed++), values.begin());
  }
  const auto statistics = generator.statistics();
  std::ranges::copy(testing::random_values<float>(statistics.size(), seed, 0.1, 1),
                    statistics.begin());
  return generator;
}

std::vector<std::uint8_t> pictures_by_forward(const ThreadBudget& threads,
                                              const Network<float>& generator, const GanSpec& spec,
                                              std::span<const float> latents) {
  const std::int64_t rows = static_cast<std::int64_t>(latents.size()) / spec.latent_dim;
  const std::int64_t size = spec.image_shape.elements();
  std::vector<float> y(static_cast<std::size_t>(rows * size));
  PassBuffers<float> pass(generator.plan(), rows, PassUse::kForwardOnly);
  generator.forward({threads}, rows, latents, y, pass);
  std::vector<std::uint8_t> hwc(y.size());
  for (std::int64_t row = 0; row < rows; ++row) {
    pixels_from_planes(spec.image_shape[0], size / spec.image_shape[0], y.data() + row * size,
                       hwc.data() + row * size);
  }
  return hwc;
}

GanSpec grey_spec() {
  GanSpec spec = testing::small_spec();
  spec.image_shape = {1, 6, 10};
  spec.batch_norm = false;
  spec.hidden = {700};
  return spec;
}

GanSpec large_spec() {  // more pixels than are turned at once
  GanSpec spec = testing::small_spec();
  spec.image_shape = {3, 34, 38};
  return spec;
}

GanSpec wide_spec() {  // more than one block of k
  GanSpec spec = testing::small_spec();
  spec.hidden = {1040};
  return spec;
}

TEST(DensePictures, AreThoseOfForwardToTheByte) {
  const ThreadBudget one(1), three(3);
  for (const GanSpec& spec :
       {GanSpec{}, testing::small_spec(), grey_spec(), large_spec(), wide_spec()}) {
    const Network<float> generator = generator_of(spec);
    auto dense = DensePictures::of(generator, spec.image_shape);
    ASSERT_TRUE(dense);
    testing::for_each_simd_target([&] {
      if (uses_blas<float>(one)) return;
      for (const std::size_t rows : {1, 37, 300}) {
        const auto latents = testing::random_values<float>(
            rows * static_cast<std::size_t>(spec.latent_dim), rows, -2, 2);
        const auto expected = pictures_by_forward(one, generator, spec, latents);
        for (const ThreadBudget* threads : {&one, &three}) {
          std::vector<std::uint8_t> pictures(expected.size());
          dense->run(*threads, latents, pictures.data());
          ASSERT_EQ(pictures, expected) << spec.image_shape.to_string() << ' ' << rows;
        }
      }
    });
  }
}

TEST(DensePictures, OfMoreLatentsThanAPassAreThoseOfForward) {
  const GanSpec spec = testing::small_spec();
  const Network<float> generator = generator_of(spec);
  const ThreadBudget threads(2);
  constexpr std::size_t kRows = DensePictures::kPass + 40;
  const auto latents =
      testing::random_values<float>(kRows * static_cast<std::size_t>(spec.latent_dim), 1, -2, 2);
  const auto expected = pictures_by_forward(threads, generator, spec, latents);
  std::vector<std::uint8_t> pictures(expected.size());
  DensePictures::of(generator, spec.image_shape)->run(threads, latents, pictures.data());
  EXPECT_EQ(pictures, expected);
}

TEST(DensePictures, AreOfChainsOfDenseLayersAlone) {
  for (const char* architecture : {"mlp", "dcgan", "sngan"}) {
    for (const bool conditional : {false, true}) {
      GanSpec spec = make_spec(architecture, 5, {1, 32, 32}, 0.02);
      if (conditional) spec.classes = {"a", "b"};
      const Network<float> generator(make_generator_plan(spec));
      EXPECT_EQ(DensePictures::of(generator, spec.image_shape).has_value(),
                std::string("mlp") == architecture && !conditional);
    }
  }
  GanSpec odd = testing::small_spec();
  odd.image_shape = {3, 3, 5};
  EXPECT_FALSE(DensePictures::of(Network<float>(make_generator_plan(odd)), odd.image_shape));
}

}  // namespace
}  // namespace miniray
