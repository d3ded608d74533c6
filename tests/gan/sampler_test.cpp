#include "gan/sampler.h"

#include <gtest/gtest.h>

#include "gan/class_choice.h"
#include "gan/models.h"
#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/small_gan.h"

namespace miniray {
namespace {

Network<float> generator_of(const GanSpec& spec) {
  Network<float> generator(make_generator_plan(spec));
  generator.init(1, kGeneratorStream);
  return generator;
}

std::vector<std::uint8_t> pixels(const Images& images, std::int64_t index) {
  const auto image = images.image(index);
  return {image.begin(), image.end()};
}

// With the product's own sizes, whose products are cut by shape.
TEST(Sampler, APictureDependsOnSeedAndNumberAlone) {
  const GanSpec spec;
  const auto generator = generator_of(spec);
  const ThreadBudget one(1), three(3);
  Sampler a(one, generator, spec), b(three, generator, spec);
  const Images all = a.generate(42, 0, 1100);
  EXPECT_EQ(all.count, 1100);
  for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 1},
                                     {5, 250},
                                     {255, 2},
                                     {256, 256},
                                     {400, 200},
                                     {1000, 60},
                                     {1023, 2},
                                     {1099, 1}}) {
    const Images piece = b.generate(42, first, count);
    ASSERT_EQ(piece.pixels.size(), static_cast<std::size_t>(count * piece.image_bytes()));
    for (std::int64_t i = 0; i < count; ++i) EXPECT_EQ(pixels(piece, i), pixels(all, first + i));
  }
  EXPECT_NE(a.generate(43, 0, 1).pixels, a.generate(42, 0, 1).pixels);
  EXPECT_NE(pixels(all, 0), pixels(all, 1));
}

TEST(Sampler, LatentsGiveThePicturesOfTheSeedTheyWereDrawnFrom) {
  const GanSpec spec;
  const auto generator = generator_of(spec);
  const ThreadBudget threads(2);
  Sampler sampler(threads, generator, spec);
  std::vector<float> latents(static_cast<std::size_t>(270 * spec.latent_dim));
  draw_sample_latents(9, 0, spec.latent_dim, latents);
  EXPECT_EQ(sampler.generate(latents).pixels, sampler.generate(9, 0, 270).pixels);
}

TEST(Sampler, PixelsAreTheGeneratorsOutputs) {
  const GanSpec spec = testing::small_spec();
  const auto generator = generator_of(spec);
  const ThreadBudget threads(1);
  Sampler sampler(threads, generator, spec);
  const auto latents = testing::random_values<float>(3 * 8, 1);
  const Images images = sampler.generate(latents);
  PassBuffers<float> pass(generator.plan(), 3, PassUse::kForwardOnly);
  std::vector<float> outputs(3 * 48);
  generator.forward({threads}, 3, latents, outputs, pass);
  EXPECT_EQ(images.height, 4);
  EXPECT_EQ(images.channels, 3);
  for (std::size_t n = 0; n < 3; ++n) {
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t p = 0; p < 16; ++p) {
        const double value = (outputs[n * 48 + c * 16 + p] + 1) * 127.5;
        EXPECT_NEAR(images.image(static_cast<std::int64_t>(n))[p * 3 + c], value, 0.51);
      }
    }
  }
}

GanSpec conditional_spec() {
  GanSpec spec = make_spec("sngan", 10, {1, 32, 32}, 0.05);
  spec.classes = {"cat", "dog", "7"};
  return spec;
}

// A pass of a whole batch of large pictures would take gigabytes.
TEST(Sampler, PicturesOfSmallPassesAreThoseOfLargeOnes) {
  const GanSpec spec = conditional_spec();
  const auto generator = generator_of(spec);
  const ThreadBudget threads(2);
  constexpr std::int64_t kPicture = 1, kSome = 4 << 20;  // bytes: a picture a pass, and a few
  const auto expected = Sampler(threads, generator, spec).generate(5, 3, 61).pixels;
  for (const std::int64_t bytes : {kPicture, kSome}) {
    EXPECT_EQ(Sampler(threads, generator, spec, bytes).generate(5, 3, 61).pixels, expected);
  }
}

TEST(Sampler, PicturesOnBothSidesOfABatchAreThoseOfAnyOtherCall) {
  const GanSpec spec = conditional_spec();
  const auto generator = generator_of(spec);
  const ThreadBudget threads(1);
  Sampler sampler(threads, generator, spec);
  const std::int64_t first = NetworkPictures::kBatch - 3;
  const Images across = sampler.generate(5, first, 7);
  for (std::int64_t i = 0; i < 7; ++i) {
    EXPECT_EQ(sampler.generate(5, first + i, 1).pixels, pixels(across, i)) << i;
  }
}

TEST(Sampler, APictureDependsOnItsClassBesides) {
  const GanSpec spec = conditional_spec();
  Network<float> generator = generator_of(spec);
  for (const Slice& slice : generator.plan().parameters().slices()) {  // gains of their own
    if (slice.name.ends_with("norm1.weight")) {
      const auto gains = slice_of(generator.parameters(), slice);
      std::ranges::copy(testing::random_values<float>(gains.size(), 1), gains.begin());
    }
  }
  const ThreadBudget one(1), three(3);
  Sampler a(one, generator, spec), b(three, generator, spec);
  const Images all = a.generate(42, 0, 40);  // classes in turn
  const Images dogs = b.generate(42, 5, 30, choose_class(spec, "dog"));
  for (std::int64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(pixels(dogs, i) == pixels(all, 5 + i), (5 + i) % 3 == 1) << i;
  }
  std::vector<float> latents(static_cast<std::size_t>(40 * spec.latent_dim));
  draw_sample_latents(42, 0, spec.latent_dim, latents);
  EXPECT_EQ(b.generate(latents).pixels, all.pixels);
  const std::span<const float> later = part(std::span<const float>(latents), 7 * 10, 33 * 10);
  EXPECT_EQ(pixels(b.generate(later, 7, choose_class(spec, "all")), 0), pixels(all, 7));
}

TEST(ClassChoice, TakesNamesThenNumbers) {
  const GanSpec spec = conditional_spec();
  EXPECT_EQ(choose_class(spec, "dog")(5), 1);
  EXPECT_EQ(choose_class(spec, "0")(5), 0);
  EXPECT_EQ(choose_class(spec, "7")(5), 2) << "a name";
  EXPECT_EQ(choose_class(spec, "all")(5), 2);
  EXPECT_EQ(choose_class(spec, "")(4), 1);
  choose_class(GanSpec{}, "all");
  for (const char* text : {"3", "-1", "Dog", "1 ", "1.0", "99999999999999999999"}) {
    testing::expect_error(ErrorKind::kInvalidArgument, "0 to 2: cat, dog, 7",
                          [&] { choose_class(spec, text); });
  }
  testing::expect_error(ErrorKind::kInvalidArgument, "--conditional",
                        [] { choose_class(GanSpec{}, "1"); });
}

}  // namespace
}  // namespace miniray
